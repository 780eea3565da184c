import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demultiplexer, type Frame } from "./attached.ts";

const joined = (frames: readonly Frame[], stream: Frame["stream"]) =>
  Buffer.concat(frames.filter((frame) => frame.stream === stream).map(({ bytes }) => bytes));

describe("demultiplexer", () => {
  it("gives each stream its bytes, however the connection cuts them", () => {
    const written = fc.array(
      fc.record({
        stream: fc.constantFrom("stdout" as const, "stderr" as const),
        bytes: fc.uint8Array({ maxLength: 40 }),
      }),
    );
    fc.assert(
      fc.property(written, fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
        const wire = Buffer.concat(
          frames.flatMap(({ stream, bytes }) => {
            const header = Buffer.alloc(8);
            header[0] = stream === "stderr" ? 2 : 1;
            header.writeUInt32BE(bytes.length, 4);
            return [header, Buffer.from(bytes)];
          }),
        );
        const split = demultiplexer();
        const read: Frame[] = [];
        for (let at = 0, n = 0; at < wire.length; n += 1) {
          const end = at + (cuts[n % Math.max(cuts.length, 1)] ?? wire.length);
          read.push(...split(wire.subarray(at, end)));
          at = end;
        }
        for (const stream of ["stdout", "stderr"] as const) {
          expect(joined(read, stream).equals(joined(frames, stream))).toBe(true);
        }
      }),
    );
  });
});

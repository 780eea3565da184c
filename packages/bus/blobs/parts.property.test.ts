import { createHash } from "node:crypto";
import { BLOB_PART_BYTES } from "@pitaya/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digestOf, inParts, partCount, partLength } from "./parts.ts";

/** Chunks of any sizes, most near the size of a part. */
const chunkSizes = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: -2, max: 2 }).map((d) => BLOB_PART_BYTES + d),
    fc.integer({ min: 0, max: 3 * BLOB_PART_BYTES }),
  ),
  { maxLength: 6 },
);

async function* chunksOf(sizes: readonly number[]) {
  for (const [i, size] of sizes.entries()) yield Buffer.alloc(size, i + 1);
}

describe("parts", () => {
  it("are the same bytes, each of full length but the last", async () => {
    await fc.assert(
      fc.asyncProperty(chunkSizes, async (sizes) => {
        const whole: Uint8Array[] = [];
        for await (const chunk of chunksOf(sizes)) whole.push(chunk);
        const bytes = Buffer.concat(whole);
        const parts: Uint8Array[] = [];
        for await (const part of inParts(chunksOf(sizes))) parts.push(part);
        expect(parts).toHaveLength(partCount(bytes.byteLength));
        parts.forEach((part, i) => {
          expect(part.byteLength).toBe(partLength(bytes.byteLength, i));
        });
        expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
        expect(await digestOf(chunksOf(sizes))).toEqual({
          sha256: createHash("sha256").update(bytes).digest("hex"),
          bytes: bytes.byteLength,
        });
      }),
      { numRuns: 30 },
    );
  });
});

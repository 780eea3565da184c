import { describe, expect, it } from "vitest";
import type { Frame } from "./attached.ts";
import { placed } from "./follower.ts";
import type { OutputItem } from "./kept-segments.ts";

const MIB = 1024 * 1024;
const line = (offset: number) => `${String(offset).padStart(15, "0")}\n`;

async function read(
  from: { stdout: number; stderr: number },
  ...said: [Frame["stream"], string][]
) {
  async function* frames(): AsyncGenerator<Frame> {
    for (const [stream, text] of said) yield { stream, bytes: Buffer.from(text) };
  }
  const items: OutputItem[] = [];
  for await (const item of placed(frames(), from)) items.push(item);
  return items.map((item) =>
    "gap" in item ? item.gap : `${item.stream}@${item.offset}:${item.bytes.length}`,
  );
}

describe("what a follower says", () => {
  it("is placed by its offsets, with lines cut anywhere and a new one each MiB", async () => {
    const from = { stdout: MIB - 3, stderr: 0 };
    expect(
      await read(
        from,
        ["stdout", line(MIB - 3).slice(0, 5)],
        ["stderr", `${line(0)}err`],
        ["stdout", `${line(MIB - 3).slice(5)}abc${line(MIB)}de`],
        ["stdout", "f"],
      ),
    ).toEqual(["stderr@0:3", `stdout@${MIB - 3}:3`, `stdout@${MIB}:2`, `stdout@${MIB + 2}:1`]);
    expect(from).toEqual({ stdout: MIB + 3, stderr: 3 });
  });

  it("names the gap where segments are gone", async () => {
    const from = { stdout: 5, stderr: 0 };
    expect(await read(from, ["stdout", `${line(4 * MIB)}x`])).toEqual([
      { stream: "stdout", fromOffset: 5, toOffset: 4 * MIB },
      `stdout@${4 * MIB}:1`,
    ]);
  });

  it("ends at words that are not the follower's", async () => {
    expect(await read({ stdout: 0, stderr: 0 }, ["stdout", "sh: 1: what is this\nmore"])).toEqual(
      [],
    );
    expect(await read({ stdout: 9, stderr: 0 }, ["stdout", `${line(3)}again`])).toEqual([]);
  });
});

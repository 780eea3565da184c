import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import type { Frame } from "./attached.ts";
import { readSnapshot } from "./snapshot-stream.ts";

const dirs: string[] = [];
let toDir: string;
beforeEach(async () => {
  toDir = await mkdtemp(join(tmpdir(), "snapshot-stream-"));
  dirs.push(toDir);
});
afterAll(async () => {
  for (const dir of dirs) await rm(dir, { recursive: true });
});

/** The bytes as frames of `size`, with words on stderr in between. */
async function* frames(text: string, size: number): AsyncGenerator<Frame> {
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += size) {
    yield { stream: "stdout", bytes: bytes.subarray(at, at + size) };
    yield { stream: "stderr", bytes: Buffer.from("file report 3\n") };
  }
}

const read = (text: string, size = 7) =>
  readSnapshot(frames(text, size), { toDir, maxBytes: 10, maxSessionBytes: 10 });

it.each([1, 2, 7, 1_000])("reads files by name and size, in frames of %i bytes", async (size) => {
  const { small, saved } = await read(
    "file session/talk/one.jsonl 4\nend\nfile session/talk/log-3 0\nfile report 7\nhead a\nfile patch 3\n\n\xff\nend\n",
    size,
  );
  const texts = [...small].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]);
  expect(Object.fromEntries(texts)).toEqual({
    "session/talk/one.jsonl": "end\n",
    "session/talk/log-3": "",
    report: "head a\n",
  });
  expect([...saved.keys()]).toEqual(["patch"]);
  expect(await readFile(saved.get("patch") ?? "")).toEqual(Buffer.from([10, 255, 10]));
});

it.each([
  ["that ends early", "file session/0 4\nen"],
  ["without an end", "file report 1\na"],
  ["with nothing", ""],
  ["with another file", "file ../../x 1\na"],
  ["with an odd path", "file session/a b 1\na"],
  ["with a file twice", "file report 1\nafile report 1\nb"],
  ["with an odd size", "file report -1\n"],
  ["with a line without end", "x".repeat(10_000)],
  ["with too large a bundle", `file bundle 11\n${"x".repeat(11)}end\n`],
  ["with too large a session", "file session/0 6\n123456file session/1 6\n123456end\n"],
  ["with too large a report", "file report 70000\n"],
])("refuses a stream %s", async (_what, text) => {
  await expect(read(text)).rejects.toMatchObject({ code: "harvest_failed" });
});

import { PitayaError } from "@pitaya/protocol";
import { type Header, pack } from "tar-stream";
import { expect, it } from "vitest";
import { MAX_SESSION_BYTES } from "../ports/executor.port.ts";
import { packSession, unpackSession } from "./session-archive.ts";

const PATH = ".claude/projects/-workspace/one.jsonl";
const file = (text: string, path = PATH) => ({ path, bytes: Buffer.from(text) });

async function* inPieces(bytes: Uint8Array, size = 100): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function archiveOf(headers: readonly (Pick<Header, "name"> & { readonly text?: string })[]) {
  const archive = pack();
  for (const { text, ...header } of headers) archive.entry(header, text ?? "");
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive) if (Buffer.isBuffer(part)) parts.push(part);
  return Buffer.concat(parts);
}

it("brings files through, and the same files are the same bytes", async () => {
  const files = [file("{}\n".repeat(1_000)), file("", "second")];
  const packed = await packSession(files);
  expect(await packSession(files)).toEqual(packed);
  expect(await unpackSession(inPieces(packed), [PATH, "seco*"])).toEqual(files);
});

it.each([
  ["a link", [{ name: PATH, type: "symlink", linkname: "/etc/passwd" }]],
  ["a path of another", [{ name: "../../.bashrc", text: "x" }]],
  ["an absolute path", [{ name: `/${PATH}`, text: "x" }]],
  ["a directory", [{ name: PATH, type: "directory" }]],
  [
    "a file twice",
    [
      { name: PATH, text: "a" },
      { name: PATH, text: "b" },
    ],
  ],
  ["nothing", []],
] as const)("refuses an archive that holds %s", async (_what, headers) => {
  const archive = await archiveOf(headers as never);
  await expect(unpackSession(inPieces(archive), [PATH])).rejects.toMatchObject({
    code: "session_lost",
  });
});

it("refuses what is no archive, a part of one, and one that is too big", async () => {
  const whole = await packSession([file("x".repeat(2_000))]);
  for (const bytes of [Buffer.alloc(2_000, 7), whole.subarray(0, 1_000)]) {
    await expect(unpackSession(inPieces(bytes), [PATH])).rejects.toMatchObject({
      code: "session_lost",
    });
  }
  const header = pack();
  header.entry({ name: PATH, size: MAX_SESSION_BYTES + 1 }).write(Buffer.alloc(10));
  const head = header.read() as Buffer;
  await expect(unpackSession(inPieces(head), [PATH])).rejects.toMatchObject({
    code: "session_lost",
  });
});

it("says why the archive could not be read where its source says so", async () => {
  const gone = new PitayaError("blob_missing", "it is not there");
  // biome-ignore lint/correctness/useYield: it fails before its first bytes
  const source = (async function* (): AsyncGenerator<Uint8Array> {
    throw gone;
  })();
  await expect(unpackSession(source, [PATH])).rejects.toBe(gone);
});

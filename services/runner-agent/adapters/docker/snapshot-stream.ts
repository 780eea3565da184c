import { open } from "node:fs/promises";
import { join } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import type { Frame } from "./attached.ts";

/** What snapshot.sh sent: small files in memory, by the names it gave them; the others on this host. */
export interface SentSnapshot {
  readonly small: ReadonlyMap<string, Uint8Array>;
  readonly saved: ReadonlyMap<string, string>;
}

export interface SnapshotLimits {
  readonly toDir: string;
  /** Of bundle and patch each. */
  readonly maxBytes: number;
  /** Of the session's files together. */
  readonly maxSessionBytes: number;
}

const MAX_LINE = 400;
const MAX_REPORT_BYTES = 64 * 1024;
const FILE = /^file (report|bundle|patch|session\/[\w./-]{1,300}) (\d{1,15})$/;

/**
 * Reads the stream of snapshot.sh to its last line. All of it is the agent's word: names and sizes
 * are checked before anything is kept.
 *
 * @throws `harvest_failed` for a stream that ends early, is over a limit or is none of the script's
 */
export async function readSnapshot(
  frames: AsyncIterable<Frame>,
  { toDir, maxBytes, maxSessionBytes }: SnapshotLimits,
): Promise<SentSnapshot> {
  const input = stdoutOf(frames);
  const small = new Map<string, Uint8Array>();
  const saved = new Map<string, string>();
  let sessionBytes = 0;
  for (let line = await input.line(); line !== "end"; line = await input.line()) {
    const [, name = "", digits] = FILE.exec(line) ?? [];
    const bytes = Number(digits);
    if (name === "" || small.has(name) || saved.has(name)) throw odd(line);
    if (name === "bundle" || name === "patch") {
      if (bytes > maxBytes) throw tooLarge(name, bytes);
      const path = join(toDir, name);
      await save(path, input.take(bytes));
      saved.set(name, path);
      continue;
    }
    if (name !== "report") sessionBytes += bytes;
    if (sessionBytes > maxSessionBytes) throw tooLarge("session", sessionBytes);
    if (name === "report" && bytes > MAX_REPORT_BYTES) throw tooLarge(name, bytes);
    small.set(name, Buffer.concat(await Array.fromAsync(input.take(bytes))));
  }
  return { small, saved };
}

/** The bytes of stdout, to be read by lines and by counts. */
function stdoutOf(frames: AsyncIterable<Frame>) {
  const source = frames[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();

  async function fill(): Promise<void> {
    while (rest.length === 0) {
      const { value, done } = await source.next();
      if (done) {
        throw new PitayaError("harvest_failed", "The snapshot ended before it was whole.");
      }
      if (value.stream === "stdout") rest = value.bytes;
    }
  }

  return {
    async line(): Promise<string> {
      let text = "";
      for (;;) {
        await fill();
        const end = rest.indexOf(0x0a);
        text += Buffer.from(rest.subarray(0, end === -1 ? MAX_LINE : end)).toString("latin1");
        if (text.length > MAX_LINE) throw odd(text);
        rest = rest.subarray(end === -1 ? rest.length : end + 1);
        if (end !== -1) return text;
      }
    },
    async *take(bytes: number): AsyncGenerator<Uint8Array> {
      for (let left = bytes; left > 0; ) {
        await fill();
        const piece = rest.subarray(0, left);
        rest = rest.subarray(piece.length);
        left -= piece.length;
        yield piece;
      }
    },
  };
}

async function save(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const bytes of content) await file.write(bytes);
  } finally {
    await file.close();
  }
}

const odd = (line: string) =>
  new PitayaError(
    "harvest_failed",
    `The snapshot holds what does not belong into it: ${JSON.stringify(line.slice(0, MAX_LINE))}.`,
  );

const tooLarge = (what: string, bytes: number) =>
  new PitayaError("harvest_failed", `The snapshot's ${what} is ${bytes} bytes, over the limit.`);

import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorFromRecord, errorRecord, isDiskFull } from "@pitaya/protocol";
import { z } from "zod";
import type { JournalEntry, OutputJournal } from "../ports/disk.port.ts";

const NAME = /^output-(\d+)\.journal$/;
const Head = z.object({ headers: z.record(z.string(), z.string()), bytes: z.int().nonnegative() });
const NEWLINE = 0x0a;

/** Each incarnation writes a file of its own, so one that is thought dead cannot spoil another's. */
export function outputJournal(dir: string): OutputJournal {
  let opened: Promise<FileHandle> | undefined;
  /** Of its entries that are whole. */
  let bytes = 0;
  /** Behind them is what was written of one that found no room: it would hide those after it. */
  let spoiled = false;

  const numbers = async () =>
    (await readdir(dir))
      .flatMap((name) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);

  async function openNext(): Promise<FileHandle> {
    const next = ((await numbers()).at(-1) ?? 0) + 1;
    return open(join(dir, `output-${next}.journal`), "ax", 0o600);
  }

  return {
    async *read() {
      for (const number of await numbers())
        yield* readJournal(join(dir, `output-${number}.journal`));
    },
    async append({ headers, payload }) {
      const head = `${JSON.stringify({ headers, bytes: payload.byteLength })}\n`;
      const entry = Buffer.concat([Buffer.from(head), payload]);
      try {
        opened ??= openNext();
        const file = await opened.catch((error: unknown) => {
          opened = undefined;
          throw error;
        });
        if (spoiled) await file.truncate(bytes);
        spoiled = false;
        await file.appendFile(entry);
        bytes += entry.byteLength;
      } catch (error) {
        spoiled = opened !== undefined;
        throw isDiskFull(error) ? errorFromRecord(errorRecord(error)) : error;
      }
    },
    async close() {
      await (await opened)?.close();
    },
  };
}

async function* readJournal(path: string): AsyncIterable<JournalEntry> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    rest = Buffer.concat([rest, chunk]);
    for (let entry = first(rest); entry; entry = first(rest)) {
      rest = rest.subarray(entry.end);
      yield { headers: entry.headers, payload: entry.payload };
    }
  }
}

function first(bytes: Buffer): (JournalEntry & { readonly end: number }) | undefined {
  const line = bytes.indexOf(NEWLINE);
  if (line < 0) return undefined;
  const head = Head.parse(JSON.parse(bytes.toString("utf8", 0, line)));
  const end = line + 1 + head.bytes;
  if (bytes.byteLength < end) return undefined;
  return { headers: head.headers, payload: bytes.subarray(line + 1, end), end };
}

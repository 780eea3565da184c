import { open } from "node:fs/promises";
import type { Container } from "dockerode";
import { type ExtractEvents, extract } from "tar-stream";
import { unlessGone } from "./engine.ts";

export type Entry = ExtractEvents["entry"][1];

/**
 * Entries of a directory in a container, as the engine's archive call gives them. Nothing is read
 * ahead; leaving the loop ends the transfer. An entry that is not wanted must be resumed.
 * Undefined where the path is not there.
 */
export async function archiveEntries(
  container: Container,
  path: string,
): Promise<AsyncIterable<Entry> | undefined> {
  const stream = await unlessGone("read files from a container", () =>
    container.getArchive({ path }),
  );
  if (stream === undefined) return undefined;
  const unpacked = extract();
  const entries = unpacked[Symbol.asyncIterator]();
  stream.on("error", (error: Error) => unpacked.destroy(error));
  stream.pipe(unpacked);
  return (async function* () {
    try {
      yield* { [Symbol.asyncIterator]: () => entries };
    } finally {
      unpacked.destroy();
      if ("destroy" in stream && typeof stream.destroy === "function") stream.destroy();
    }
  })();
}

/** Its content, piece by piece. */
export async function* entryBytes(entry: Entry): AsyncGenerator<Buffer> {
  for await (const bytes of entry) {
    if (Buffer.isBuffer(bytes)) yield bytes;
  }
}

/** Writes one entry to a new file. */
export async function saveEntry(entry: Entry, path: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const bytes of entryBytes(entry)) await file.write(bytes);
  } finally {
    await file.close();
  }
}

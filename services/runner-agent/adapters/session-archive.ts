import { Readable } from "node:stream";
import { PitayaError } from "@pitaya/protocol";
import { extract, pack } from "tar-stream";
import { isSessionPath } from "../domain/session-paths.rules.ts";
import { MAX_SESSION_BYTES, type SessionFile } from "../ports/executor.port.ts";

/** A tar archive of a session's files. The same files give the same bytes. */
export async function packSession(files: readonly SessionFile[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { path, bytes } of files) {
    archive.entry({ name: path, mode: 0o600, mtime: new Date(0) }, Buffer.from(bytes));
  }
  archive.finalize();
  return bytesOf(archive);
}

/**
 * The files of an archive that another host has stored: regular files of these paths alone.
 * @throws `session_lost` for anything else
 */
export async function unpackSession(
  archive: AsyncIterable<Uint8Array>,
  paths: readonly string[],
): Promise<readonly SessionFile[]> {
  const files = new Map<string, Uint8Array>();
  const entries = extract();
  const source = Readable.from(archive, { objectMode: false });
  source.on("error", (error) => entries.destroy(error));
  source.pipe(entries);
  let left = MAX_SESSION_BYTES;
  try {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header;
      if (type !== "file" || !isSessionPath(name, paths) || files.has(name)) {
        throw unfit(`${type} ${JSON.stringify(name)} does not belong into it`);
      }
      left -= size;
      if (left < 0) throw unfit(`it holds more than ${MAX_SESSION_BYTES} bytes`);
      files.set(name, await bytesOf(entry));
    }
  } catch (error) {
    if (error instanceof PitayaError) throw error;
    throw unfit(error instanceof Error ? error.message : String(error));
  } finally {
    entries.destroy();
    source.destroy();
  }
  if (files.size === 0) throw unfit("it is empty");
  return [...files].map(([path, bytes]) => ({ path, bytes }));
}

async function bytesOf(source: AsyncIterable<unknown>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of source) if (Buffer.isBuffer(part)) parts.push(part);
  return Buffer.concat(parts);
}

const unfit = (why: string) =>
  new PitayaError("session_lost", `The session's archive cannot be used: ${why}.`);

import { createHash } from "node:crypto";
import { BLOB_PART_BYTES } from "@pitaya/protocol";

export const partCount = (bytes: number): number => Math.ceil(bytes / BLOB_PART_BYTES);

/** Bytes of one part of a blob of this length. */
export const partLength = (bytes: number, part: number): number =>
  Math.min(BLOB_PART_BYTES, bytes - part * BLOB_PART_BYTES);

/** The same bytes in pieces of exactly one part each; the last may be shorter. */
export async function* inParts(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let part = Buffer.allocUnsafe(BLOB_PART_BYTES);
  let filled = 0;
  for await (const chunk of source) {
    for (let from = 0; from < chunk.byteLength; ) {
      const taken = Math.min(chunk.byteLength - from, BLOB_PART_BYTES - filled);
      part.set(chunk.subarray(from, from + taken), filled);
      from += taken;
      filled += taken;
      if (filled === BLOB_PART_BYTES) {
        yield part;
        // The one handed out may still be on its way, so it is not filled again.
        part = Buffer.allocUnsafe(BLOB_PART_BYTES);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

/** Name and length of content. */
export async function digestOf(
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { sha256: hash.digest("hex"), bytes };
}

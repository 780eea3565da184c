import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { constants, gunzipSync, inflateSync } from "node:zlib";

/** Values that must stand nowhere, in every form that a search for bytes has to know. */
export interface Needle {
  readonly name: string;
  readonly forms: readonly Buffer[];
}

export function needle(name: string, value: string): Needle {
  const bytes = Buffer.from(value);
  const inBase64 = [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    // What its neighbours decide too is left out.
    return Buffer.from(whole.slice(before === 0 ? 0 : 4, Math.floor(whole.length / 4) * 4 - 4));
  });
  return { name, forms: [bytes, ...inBase64] };
}

/**
 * Bytes as they are, and unpacked wherever they hold a zlib or gzip stream, as git's packs and objects
 * and archives do, and those in turn.
 */
export function* readings(bytes: Buffer, depth = 2): Generator<Buffer> {
  yield bytes;
  if (depth === 0) return;
  for (let at = 0; at + 2 < bytes.length; at += 1) {
    const [first, second] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    const isZlib = first === 0x78 && (first * 256 + second) % 31 === 0;
    const isGzip = first === 0x1f && second === 0x8b;
    if (!isZlib && !isGzip) continue;
    const unpacked = unpackedAt(bytes.subarray(at), isZlib ? inflateSync : gunzipSync);
    if (unpacked !== undefined && unpacked.length > 0) yield* readings(unpacked, depth - 1);
  }
}

function unpackedAt(bytes: Buffer, unpack: typeof inflateSync): Buffer | undefined {
  try {
    // More follows in a pack, and of a part of a blob the end is missing.
    return unpack(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 64 * 1024 ** 2 });
  } catch {
    return undefined;
  }
}

/** Names of the needles that stand in these bytes. */
export const found = (bytes: Buffer, needles: readonly Needle[]): string[] => {
  const all = [...readings(bytes)];
  return needles
    .filter(({ forms }) => forms.some((form) => all.some((reading) => reading.includes(form))))
    .map(({ name }) => name);
};

/** Which needles stand in which files below a directory, or in a file's name. */
export async function foundBelow(dir: string, needles: readonly Needle[]): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const hits: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = Buffer.concat([Buffer.from(path), await readFile(path)]);
    hits.push(...found(bytes, needles).map((name) => `${name} in ${path}`));
  }
  return hits;
}

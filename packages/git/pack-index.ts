import { readFile } from "node:fs/promises";
import type { ObjectFormat } from "./scratch-repository.ts";

const MAGIC = 0xff744f63;

/**
 * The ids of all objects of a pack, from its index as git has just written it (version 2).
 *
 * Reading the file costs less than the process that would print it.
 */
export async function packObjectIds(indexPath: string, format: ObjectFormat): Promise<Set<string>> {
  const index = await readFile(indexPath);
  if (index.readUInt32BE(0) !== MAGIC || index.readUInt32BE(4) !== 2) {
    throw new Error(`${indexPath} is not a pack index of version 2`);
  }
  const idBytes = format === "sha1" ? 20 : 32;
  const fanoutAt = 8;
  const idsAt = fanoutAt + 256 * 4;
  const count = index.readUInt32BE(fanoutAt + 255 * 4);
  const ids = new Set<string>();
  for (let i = 0; i < count; i++) {
    ids.add(index.toString("hex", idsAt + i * idBytes, idsAt + (i + 1) * idBytes));
  }
  return ids;
}

import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a file whole or not at all, private to the user, in a directory made where it is missing. A
 * file that holds just that already is left alone.
 *
 * @param nonce tells writers of the same file apart
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  nonce: string,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const present = await readIfThere(path);
  if (present?.equals(Buffer.from(content))) return;
  const unfinished = `${path}.${nonce}.tmp`;
  try {
    await writeFile(unfinished, content, { mode: 0o600 });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

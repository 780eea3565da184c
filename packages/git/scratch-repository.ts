import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export type ObjectFormat = "sha1" | "sha256";

/**
 * Writes an empty bare repository, without a process. It reads the objects of `alternates` (object
 * directories, absolute; each may name further ones) and has no refs, no hooks and no configuration
 * but its object format.
 *
 * @param shallow commits whose parents are not there and shall not be missed
 */
export async function writeBareRepository(
  dir: string,
  options: {
    readonly objectFormat: ObjectFormat;
    readonly alternates: readonly string[];
    readonly shallow: readonly string[];
  },
): Promise<void> {
  const { objectFormat, alternates, shallow } = options;
  await mkdir(join(dir, "objects", "info"), { recursive: true });
  await mkdir(join(dir, "objects", "pack"));
  await mkdir(join(dir, "refs"));
  const config =
    objectFormat === "sha1"
      ? "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
      : "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n";
  await writeFile(join(dir, "config"), config);
  await writeFile(join(dir, "HEAD"), "ref: refs/heads/none\n");
  if (alternates.length > 0) {
    await writeFile(
      alternatesFile(dir),
      alternates.map((path) => `${alternateLine(path)}\n`).join(""),
    );
  }
  if (shallow.length > 0) {
    await writeFile(
      join(dir, "shallow"),
      [...shallow]
        .sort()
        .map((id) => `${id}\n`)
        .join(""),
    );
  }
}

export const alternatesFile = (dir: string): string => join(dir, "objects", "info", "alternates");

/** An absolute path as git reads it there: with C quoting where it would otherwise be two lines. */
export function alternateLine(path: string): string {
  if (!/[\n\r]/.test(path)) return path;
  const quoted = path
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r");
  return `"${quoted}"`;
}

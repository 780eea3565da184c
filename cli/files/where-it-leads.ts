import { lstat, realpath } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Repository } from "@pitaya/git";
import { PitayaError } from "@pitaya/protocol";

/**
 * A directory that is in the working tree by its name is so in truth, and none lies in git's own: a
 * clone brings links, and a name of its choice.
 *
 * @param path absolute; it need not exist
 * @throws {PitayaError} `repository_unsupported`
 */
export async function refuseWhereItLeads(
  repo: Pick<Repository, "gitDir" | "commonDir">,
  topLevel: string,
  setting: string,
  path: string,
): Promise<void> {
  const [top, place, ...gitDirs] = await Promise.all(
    [topLevel, path, repo.gitDir, repo.commonDir].map(placeOf),
  );
  if (isWithin(topLevel, path) && !isWithin(top ?? "", place ?? "")) {
    throw new PitayaError(
      "repository_unsupported",
      `${setting} leads out of the repository by a link: ${path} is ${place}`,
      { hint: "Remove the link, or name the place itself in your own configuration." },
    );
  }
  if (gitDirs.some((dir) => isWithin(dir, place ?? ""))) {
    throw new PitayaError("repository_unsupported", `${setting} leads into git's own: ${path}`, {
      hint: "Name a directory that git keeps nothing in.",
    });
  }
}

/**
 * Where a path leads to, all links followed, as far as it exists.
 *
 * @throws {PitayaError} `repository_unsupported` for a link to what is not there, or to itself
 */
async function placeOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (await isLink(path)) {
      throw new PitayaError("repository_unsupported", `${path} is a link that leads nowhere`, {
        cause: error,
        hint: "Remove the link.",
      });
    }
    if (!isUnseen(error)) throw error;
    const parent = dirname(path);
    return parent === path ? path : join(await placeOf(parent), path.slice(parent.length));
  }
}

export async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isUnseen(error)) return false;
    throw error;
  }
}

/** Not there, or behind what is no directory or may not be entered: nothing is written there. */
const isUnseen = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  ["ENOENT", "ENOTDIR", "EACCES"].includes(String(error.code));

function isWithin(dir: string, path: string): boolean {
  const way = relative(dir, path);
  return way !== ".." && !way.startsWith(`..${sep}`);
}

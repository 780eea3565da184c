import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

const KEEP_REASON = "pitaya import";

/**
 * Has git take a pack into the user's repository. A keep file guards it against a repack until a ref
 * leads to it, as in a fetch; `dropKeeps` takes it away.
 */
export async function keepPack(
  repo: Repository,
  packPath: string,
  signal?: AbortSignal,
): Promise<void> {
  await runGit(["index-pack", "--stdin", `--keep=${KEEP_REASON}`], {
    cwd: repo.commonDir,
    gitDir: repo.commonDir,
    stdinFile: packPath,
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Removes all our keep files, also those of an import that was killed. Only under the repository's
 * lock, where no other import is under way.
 */
export async function dropKeeps(repo: Repository): Promise<void> {
  const dir = join(repo.objectsDir, "pack");
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names.filter((each) => each.endsWith(".keep"))) {
    const path = join(dir, name);
    if ((await readFile(path, "utf8")).trim() === KEEP_REASON) await rm(path);
  }
}

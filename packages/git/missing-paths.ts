import { pathInRepository } from "./read-file.ts";
import type { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

/**
 * Those of the paths that are no files of a commit of the user's repository; links count as files.
 *
 * @param paths from the root of the repository, with `/`
 * @throws {PitayaError} `task_unsupported` for a path that none of a repository can be
 */
export async function missingPaths(
  { gitDir }: Pick<Repository, "gitDir">,
  commit: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const named = new Map(paths.map((path) => [path, pathInRepository(path)]));
  if (named.size === 0) return [];
  const { stdout } = await runGit(
    ["ls-tree", "-z", "--full-tree", commit, "--", ...new Set(named.values())],
    { cwd: gitDir, gitDir, ...(signal === undefined ? {} : { signal }) },
  );
  const there = new Set(
    stdout
      .toString("utf8")
      .split("\0")
      .map((line) => /^1\d+ blob [0-9a-f]+\t(.*)$/s.exec(line)?.[1]),
  );
  return [...named].flatMap(([path, real]) => (there.has(real) ? [] : [path]));
}

import type { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

/** Whether a file at the root of the working tree is one that git tracks: it came with the repository. */
export async function isTracked(
  { topLevel }: Pick<Repository, "topLevel">,
  file: string,
  signal?: AbortSignal,
): Promise<boolean> {
  if (topLevel === undefined) return false;
  const { stdout } = await runGit(["ls-files", "--", file], {
    ...{ cwd: topLevel, config: "user" },
    ...(signal === undefined ? {} : { signal }),
  });
  return stdout.length > 0;
}

import type { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

/**
 * Those of the refs that are not in the user's repository: deleted, or renamed.
 *
 * @param refs full names, such as `refs/heads/main`
 * @throws {PitayaError} `git_failed`
 */
export async function missingRefs(
  { commonDir }: Pick<Repository, "commonDir">,
  refs: readonly string[],
): Promise<ReadonlySet<string>> {
  if (refs.length === 0) return new Set();
  // One look, however many: a run has thousands of branches.
  const call = { cwd: commonDir, gitDir: commonDir };
  const { stdout } = await runGit(["for-each-ref", "--format=%(refname)"], call);
  const there = new Set(stdout.toString("utf8").split("\n"));
  return new Set(refs.filter((ref) => !there.has(ref)));
}

import type { Repository } from "./repository.ts";
import { runGit } from "./run-git.ts";

/** Where a ref stands with regard to a commit. */
export type BranchState =
  /** It was deleted or renamed. */
  | "absent"
  | "there"
  /** Commits were added on top. */
  | "beyond"
  | "elsewhere";

/**
 * @param ref full name, such as `refs/heads/main`
 * @param commit full object name; it need not be in the repository
 * @throws {PitayaError} `git_failed`
 */
export async function branchState(
  repo: Repository,
  ref: string,
  commit: string,
  signal?: AbortSignal,
): Promise<BranchState> {
  const call = { cwd: repo.commonDir, gitDir: repo.commonDir, ...(signal && { signal }) };
  const refs = await runGit(["for-each-ref", "--format=%(objectname) %(refname)", ref], call);
  const [tip, ...name] = (refs.stdout.toString("utf8").split("\n")[0] ?? "").split(" ");
  // A name also stands for what lies below it.
  if (tip === undefined || name.join(" ") !== ref) return "absent";
  if (tip === commit) return "there";
  // Says no with 1, and with 128 that it does not know the commit.
  const isAncestor = ["merge-base", "--is-ancestor", commit, tip];
  const { exitCode } = await runGit(isAncestor, { ...call, exits: [0, 1, 128] });
  return exitCode === 0 ? "beyond" : "elsewhere";
}

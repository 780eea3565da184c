import { requireBase } from "./base-here.ts";
import { rejected } from "./rejection.ts";
import { type GitCall, gitLines, isAnswer } from "./run-git.ts";

/**
 * The commits that `commit` has and the base has not, newest first, and the tree of the newest.
 *
 * @param inBundle what the bundle brought: a commit from elsewhere must not come in with it
 * @throws {PitayaError} `bundle_rejected` if the base is not among its ancestors
 */
export async function addedCommits(
  options: {
    readonly commit: string;
    readonly baseCommit: string;
    readonly includes: readonly string[];
    readonly maxCommits: number;
    readonly inBundle: ReadonlySet<string>;
  },
  call: GitCall,
): Promise<{ readonly commits: readonly string[]; readonly tree: string }> {
  const { commit, baseCommit, includes, maxCommits, inBundle } = options;
  const lines = await gitLines(
    [
      "rev-list",
      `--max-count=${maxCommits + 1}`,
      "--format=tformat:%H %T %P",
      `${commit}^{commit}`,
      `^${baseCommit}`,
    ],
    call,
  ).catch(async (error: unknown) => {
    if (!isAnswer(error)) throw error;
    await requireBase(baseCommit, call);
    throw rejected("not_a_commit", error.message, error);
  });
  const commits = lines
    .filter((line) => !line.startsWith("commit "))
    .map((line) => line.split(" "))
    .map(([id = "", tree = "", ...parents]) => ({ id, tree, parents }));
  if (commits.length > maxCommits) {
    throw rejected("too_many_commits", `it adds more than ${maxCommits} commits`);
  }
  const newest = commits[0];
  if (newest === undefined || !commits.some(({ parents }) => parents.includes(baseCommit))) {
    // An ancestor of the base, the base itself, or a line of its own.
    throw rejected("rewritten_history", `${commit} does not descend from the base ${baseCommit}`);
  }
  if (newest.id !== commit) throw rejected("not_a_commit", `${commit} is not a commit`);
  const own =
    includes.length === 0
      ? commits.map(({ id }) => id)
      : await gitLines(["rev-list", commit, "--not", baseCommit, ...includes], call);
  const foreign = own.find((id) => !inBundle.has(id));
  if (foreign !== undefined) {
    throw rejected("foreign_commits", `it builds on ${foreign}, which it does not hold`);
  }
  return { commits: own, tree: newest.tree };
}

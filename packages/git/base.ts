import { PitayaError } from "@pitaya/protocol";
import { isRefName } from "./branch-name.rules.ts";
import { nearestNames } from "./nearest-names.rules.ts";
import type { Repository } from "./repository.ts";
import { gitLines, gitText, runGit } from "./run-git.ts";

/** The commit a run starts from. */
export interface Base {
  readonly commit: string;
  /** What it was called: the branch's short name, the tag's, or what was typed. */
  readonly name: string;
  readonly kind: "branch" | "tag" | "commit" | "detached";
  /** The branch to stand on in a workspace. A base that is no branch gets one named after its commit. */
  readonly branch: string;
}

/**
 * Finds the base that `name` means, or without a name the one checked out: the current branch, on a
 * detached HEAD its commit. A branch goes before a tag of the same name; after these anything that git
 * resolves to a commit, remote-tracking branches included.
 *
 * @throws {PitayaError} `unborn_head` where nothing is committed yet; `base_missing` for a name that
 *   means no commit, with the nearest names
 */
export async function resolveBase(
  repo: Repository,
  name?: string,
  signal?: AbortSignal,
): Promise<Base> {
  const call = {
    cwd: repo.gitDir,
    gitDir: repo.gitDir,
    ...(signal === undefined ? {} : { signal }),
  };
  const commitOf = async (revision: string): Promise<string | undefined> => {
    const id = await gitText(["rev-parse", "--verify", "--quiet", `${revision}^{commit}`], {
      ...call,
      exits: [0, 1, 128],
    });
    return id === "" ? undefined : id;
  };

  if (name === undefined || name === "HEAD") {
    const answer = await runGit(["rev-parse", "HEAD^{commit}", "--symbolic-full-name", "HEAD"], {
      ...call,
      exits: [0, 128],
    });
    if (answer.exitCode !== 0) {
      throw new PitayaError("unborn_head", "nothing is committed yet, so there is no base", {
        hint: 'commit something first, e.g. git commit --allow-empty -m "first commit"',
      });
    }
    const [commit = "", ref = ""] = answer.stdout.toString("utf8").split("\n");
    const branch = ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : undefined;
    return branch === undefined
      ? { commit, name: commit, kind: "detached", branch: branchFor(commit) }
      : { commit, name: branch, kind: "branch", branch };
  }

  const branch = name.replace(/^refs\/heads\//, "");
  if (isRefName(branch)) {
    const commit = await commitOf(`refs/heads/${branch}`);
    if (commit !== undefined) return { commit, name: branch, kind: "branch", branch };
  }
  const tag = name.replace(/^refs\/tags\//, "");
  if (isRefName(tag)) {
    const commit = await commitOf(`refs/tags/${tag}`);
    if (commit !== undefined) return { commit, name: tag, kind: "tag", branch: branchFor(commit) };
  }
  if (name !== "" && !name.startsWith("-") && !/[\0\n]/.test(name)) {
    const asCommit = await commitOf(name);
    if (asCommit !== undefined) {
      return { commit: asCommit, name, kind: "commit", branch: branchFor(asCommit) };
    }
  }

  const refs = await gitLines(
    ["for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes"],
    call,
  );
  const near = nearestNames(
    name,
    refs.map((ref) => ref.replace(/^refs\/(heads|tags|remotes)\//, "")),
  );
  throw new PitayaError("base_missing", `there is no branch, tag or commit "${name}" here`, {
    hint:
      near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : "git branch --all and git tag list what there is",
    details: { nearest: near },
  });
}

const branchFor = (commit: string) => `base-${commit.slice(0, 12)}`;

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExistingBranch } from "./import.rules.ts";
import { NOTES_REF } from "./provenance.ts";
import type { Repository } from "./repository.ts";
import { type GitCall, runGit } from "./run-git.ts";

/**
 * The branches called `branch` or `branch_<n>`, by short name, with where they are in use; and where
 * our notes stand.
 */
export async function branchesNamed(
  repo: Repository,
  branch: string,
  call: GitCall,
): Promise<{
  readonly branches: ReadonlyMap<string, ExistingBranch>;
  readonly notes: string | undefined;
}> {
  const { stdout } = await runGit(
    [
      "for-each-ref",
      "--format=%(refname)%00%(objectname)%00%(worktreepath)%00",
      `refs/heads/${branch}`,
      `refs/heads/${branch}_*`,
      NOTES_REF,
    ],
    call,
  );
  const fields = stdout.toString("utf8").split("\0");
  const branches = new Map<string, ExistingBranch>();
  let notes: string | undefined;
  for (let i = 0; i + 2 < fields.length; i += 3) {
    const ref = (fields[i] ?? "").replace(/^\n/, "");
    const commit = fields[i + 1] ?? "";
    const usedAt = fields[i + 2] ?? "";
    if (ref === NOTES_REF) notes = commit;
    const name = ref.slice("refs/heads/".length);
    const isOurs = ref.startsWith("refs/heads/") && !name.slice(branch.length).includes("/");
    if (isOurs) branches.set(name, { commit, ...(usedAt === "" ? {} : { usedAt }) });
  }
  for (const [name, usedAt] of await branchesUnderWay(repo)) {
    const present = branches.get(name);
    if (present !== undefined) branches.set(name, { usedAt, ...present });
  }
  return { branches, notes };
}

/** A rebase or bisect leaves HEAD detached and names its branch in a file; git would set it at the end. */
async function branchesUnderWay(repo: Repository): Promise<Map<string, string>> {
  const worktrees = join(repo.commonDir, "worktrees");
  const linked = await readdir(worktrees).catch(ifAbsent<string[]>([]));
  const found = new Map<string, string>();
  for (const gitDir of [repo.commonDir, ...linked.map((name) => join(worktrees, name))]) {
    for (const file of ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"]) {
      const content = await readFile(join(gitDir, file), "utf8").catch(ifAbsent(""));
      const name = content.trim().replace(/^refs\/heads\//, "");
      if (name !== "") found.set(name, gitDir);
    }
  }
  return found;
}

const ifAbsent =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return value;
    throw error;
  };

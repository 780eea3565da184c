import { isProtectedBranch, isSafeBranchName } from "./branch-name.rules.ts";

export type ImportPolicy = "auto" | "never" | "always";
export type ImportConflict = "fail" | "overwrite" | "suffix";

export type Refusal = "usage" | "ref_conflict" | "ref_protected" | "base_not_here";

/** Why nothing is imported although it was asked for. */
export interface Refused {
  readonly code: Refusal;
  readonly reason: string;
  readonly hint: string;
}

/** Whether there is anything to do, before the repository is looked at; `undefined` if there is. */
export function judgeRequest(request: {
  readonly branch: string;
  readonly policy: ImportPolicy;
  readonly skipEmpty: boolean;
  readonly allowProtected: boolean;
  readonly isEmpty: boolean;
}): { readonly skipped: string } | { readonly refused: Refused } | undefined {
  const { branch, policy, isEmpty } = request;
  if (policy === "never") return { skipped: "the import policy is never" };
  if (isEmpty && policy === "auto" && request.skipEmpty) return { skipped: "there are no commits" };
  if (!isSafeBranchName(branch)) {
    const refused: Refused = {
      code: "usage",
      reason: `${JSON.stringify(branch)} cannot be the name of a branch`,
      hint: "git check-ref-format --help has the rules",
    };
    return { refused };
  }
  if (isProtectedBranch(branch) && !request.allowProtected) {
    const refused: Refused = {
      code: "ref_protected",
      reason: `${branch} is a protected branch`,
      hint: "choose another name, or allow it with --allow-overwrite-protected-refs",
    };
    return { refused };
  }
  return undefined;
}

/** A branch that is there, under the name asked for or that name with a suffix. */
export interface ExistingBranch {
  readonly commit: string;
  /** Where it is checked out, or held by a rebase or bisect under way. */
  readonly usedAt?: string;
}

export type Placement =
  | { readonly do: "nothing"; readonly branch: string }
  | { readonly do: "create"; readonly branch: string }
  | { readonly do: "move"; readonly branch: string; readonly from: string }
  | { readonly do: "refuse"; readonly refused: Refused };

/** Where a commit is to stand, given the branches there are. The same commit never gets a second branch. */
export function placeBranch(options: {
  readonly branch: string;
  readonly commit: string;
  readonly conflict: ImportConflict;
  readonly existing: ReadonlyMap<string, ExistingBranch>;
}): Placement {
  const { branch, commit, conflict, existing } = options;
  const present = existing.get(branch);
  if (present === undefined) {
    // Under suffix, the plain name may have been deleted since its commit went to a suffixed one.
    const earlier = conflict === "suffix" ? suffixedAt(options) : undefined;
    return earlier === undefined ? { do: "create", branch } : { do: "nothing", branch: earlier };
  }
  if (present.commit === commit) return { do: "nothing", branch };
  switch (conflict) {
    case "fail":
      return refuse(
        `${branch} is there already, at another commit (${present.commit.slice(0, 12)})`,
        "delete or rename that branch, or set PITAYA_IMPORT_CONFLICT_POLICY to suffix or overwrite",
      );
    case "overwrite":
      return present.usedAt === undefined
        ? { do: "move", branch, from: present.commit }
        : refuse(
            `${branch} is in use at ${present.usedAt}, and the branch of a working tree is never moved`,
            "check out another branch there, or set PITAYA_IMPORT_CONFLICT_POLICY to suffix",
          );
    case "suffix": {
      const earlier = suffixedAt(options);
      if (earlier !== undefined) return { do: "nothing", branch: earlier };
      for (let n = 2; ; n++) {
        const name = `${branch}_${n}`;
        if (!existing.has(name)) return { do: "create", branch: name };
      }
    }
  }
}

function suffixedAt(options: {
  readonly branch: string;
  readonly commit: string;
  readonly existing: ReadonlyMap<string, ExistingBranch>;
}): string | undefined {
  const { branch, commit, existing } = options;
  const isSuffix = (name: string) => /^_([2-9]|[1-9]\d+)$/.test(name.slice(branch.length));
  return [...existing.keys()].find(
    (name) => name.startsWith(branch) && isSuffix(name) && existing.get(name)?.commit === commit,
  );
}

const refuse = (reason: string, hint: string): Placement => ({
  do: "refuse",
  refused: { code: "ref_conflict", reason, hint },
});

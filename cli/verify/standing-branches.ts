import { branchState, type Repository } from "@pitaya/git";
import type { ImportedBranch, Violation } from "@pitaya/views";

/** A branch that still exists stands at what was imported, or has gone on from there. */
export async function checkBranches(
  repo: Repository,
  imported: readonly ImportedBranch[],
): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  for (const { ref, commit, sequence } of imported) {
    if ((await branchState(repo, ref, commit)) !== "elsewhere") continue;
    const message = `${ref} was imported at ${commit}, and does not hold it any more`;
    violations.push({ rule: "branch", sequence, message });
  }
  return violations;
}

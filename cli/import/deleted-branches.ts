import { branchState } from "@pitaya/git";
import type { Summary } from "@pitaya/views";
import type { LocalPlace } from "../local-place.ts";

/** Refs that a run was imported to and that are not here any more; known only where it was imported. */
export async function deletedBranches(
  place: LocalPlace | undefined,
  { results }: Summary,
): Promise<ReadonlySet<string>> {
  const deleted = new Set<string>();
  for (const { imported_ref: ref } of place ? results : []) {
    if (place && ref && (await branchState(place.repo, ref, "HEAD")) === "absent") deleted.add(ref);
  }
  return deleted;
}

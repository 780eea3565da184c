import { missingRefs } from "@pitaya/git";
import type { Summary } from "@pitaya/views";
import type { LocalPlace } from "../local-place.ts";

/** Refs that a run was imported to and that are not here any more; known only where it was imported. */
export async function deletedBranches(
  place: LocalPlace | undefined,
  { results }: Summary,
): Promise<ReadonlySet<string>> {
  if (place === undefined) return new Set();
  return missingRefs(
    place.repo,
    results.flatMap(({ imported_ref: ref }) => ref ?? []),
  );
}

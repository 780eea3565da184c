import { PitayaError } from "@pitaya/protocol";

/** Why a bundle is refused. Stands in the error's details as `reason`. */
export type RejectionReason =
  | "not_a_bundle"
  | "too_large"
  | "partial"
  | "object_format"
  | "no_ref"
  | "many_refs"
  | "ref_name"
  | "prerequisites"
  | "damaged"
  | "not_a_commit"
  | "rewritten_history"
  | "foreign_commits"
  | "too_many_commits"
  | "too_many_files"
  | "path_too_long"
  | "too_expensive"
  | "tip";

const HINTS: Partial<Record<RejectionReason, string>> = {
  too_large: "large generated files do not belong in a commit; add them to .gitignore",
  rewritten_history:
    "the agent must commit on top of the base, without rebase or amend of what was there",
};

/** What a bundle from a container or from another host is refused with. Final: the bytes stay what they are. */
export function rejected(reason: RejectionReason, message: string, cause?: unknown): PitayaError {
  const hint = HINTS[reason];
  return new PitayaError("bundle_rejected", `the bundle was refused: ${message}`, {
    details: { reason },
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

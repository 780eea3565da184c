import type { ImportConflictPolicy, ImportPolicy, RunSpec } from "@pitaya/protocol";
import { hasWork, type InstanceView } from "@pitaya/views";

/** How branches come in: as the run says, with what this invocation says over it. */
export interface ImportRules {
  readonly policy: ImportPolicy;
  readonly conflict: ImportConflictPolicy;
  readonly skipEmpty: boolean;
  readonly allowProtected: boolean;
}

/**
 * Whether a command that follows a run brings this instance's branch in: it succeeded, its policy
 * wants it, and no one has imported it yet. A branch deleted since stays deleted.
 */
export function importsByItself(row: InstanceView, spec: RunSpec): boolean {
  if (row.state !== "succeeded" || row.branch === undefined || row.imported) return false;
  switch (row.importPolicy) {
    case "never":
      return false;
    case "always":
      return true;
    case "auto":
      return hasWork(row) || !spec.import.skipEmpty;
    default:
      return row.importPolicy satisfies never;
  }
}

/**
 * Whether `pitaya import` brings this instance's branch in, also again. Asked for by name, a run
 * whose policy is never is imported all the same; steps that never have a branch are not.
 */
export function importsOnRequest(row: InstanceView, spec: RunSpec): boolean {
  if (row.state !== "succeeded" || row.branch === undefined) return false;
  if (row.importPolicy === "never" && spec.import.policy !== "never") return false;
  return hasWork(row) || row.importPolicy === "always";
}

export const rulesFor = (row: InstanceView, spec: RunSpec): ImportRules => ({
  ...spec.import,
  policy: row.importPolicy,
});

/** The rules for a branch that is asked for by name: nothing is left out for its policy's sake. */
export const rulesOnRequest = (row: InstanceView, spec: RunSpec): ImportRules => ({
  ...spec.import,
  policy: row.importPolicy === "always" ? "always" : "auto",
});

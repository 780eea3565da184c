import {
  bestBranchName,
  type ImportConflictPolicy,
  type ImportPolicy,
  type RunSpec,
} from "@pitaya/protocol";
import { hasWork, type InstanceView, type RunView } from "@pitaya/views";

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
      return hasWork(row) || !rulesFor(row, spec).skipEmpty;
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
  ...ofTask(row, spec),
  policy: row.importPolicy,
});

/** What the task itself says goes before what the run says. */
const ofTask = ({ importConflict, skipEmptyImport }: InstanceView, spec: RunSpec) => ({
  ...spec.import,
  ...(importConflict === undefined ? {} : { conflict: importConflict }),
  ...(skipEmptyImport === undefined ? {} : { skipEmpty: skipEmptyImport }),
});

/** The rules for a branch that is asked for by name: nothing is left out for its policy's sake. */
export const rulesOnRequest = (row: InstanceView, spec: RunSpec): ImportRules => ({
  ...ofTask(row, spec),
  policy: row.importPolicy === "always" ? "always" : "auto",
});

/** A branch that an execution chose. */
export interface Chosen {
  readonly execution: string;
  readonly row: InstanceView;
  /** Its second name. */
  readonly branch: string;
  /** It has that name in a repository, or had. */
  readonly isImported: boolean;
}

/** The branches that the run's executions chose. */
export function chosenBranches({ spec, executions, instances }: RunView): readonly Chosen[] {
  return [...executions.values()].flatMap(({ execution, outcome, bestImported }): Chosen[] => {
    const row = outcome?.chosen === undefined ? undefined : instances.get(outcome.chosen);
    if (!spec || !row || row.state !== "succeeded" || !hasWork(row)) return [];
    const { branchNaming, strategy, run } = spec;
    const name = bestBranchName(branchNaming, strategy.name, run, execution, spec.executions);
    const isImported = bestImported !== undefined;
    return row.importPolicy === "never" ? [] : [{ execution, row, branch: name, isImported }];
  });
}

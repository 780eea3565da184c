import { RULES, type RunVerification, statusOf, type Violation } from "@pitaya/views";
import { printable } from "../output/printable.rules.ts";
import { table } from "../output/table.rules.ts";

/** All that was found of one run, also where the log alone does not tell. */
export interface Findings extends Omit<RunVerification, "view"> {
  readonly run: string;
  readonly status: string;
  readonly instances: number;
  readonly attempts: number;
  /** Whether its branches could be looked at: only in the repository it was started in. */
  readonly atHome: boolean;
}

export function findings(
  run: string,
  { view, ...found }: RunVerification,
  more: { readonly atHome: boolean; readonly violations: readonly Violation[] },
): Findings {
  const rows = [...view.instances.values()];
  return {
    run,
    status: statusOf(view.phase),
    instances: rows.length,
    attempts: rows.reduce((sum, { attempts }) => sum + attempts.length, 0),
    ...found,
    atHome: more.atHome,
    violations: [...found.violations, ...more.violations].toSorted(
      (a, b) => (a.sequence ?? Number.MAX_VALUE) - (b.sequence ?? Number.MAX_VALUE),
    ),
  };
}

export function findingsText(found: Findings): string {
  const { messages, instances, attempts, blobs, branches, setAside, violations } = found;
  const counts = [
    counted(messages, "message"),
    counted(instances, "instance"),
    counted(attempts, "attempt"),
    counted(blobs.length, "blob"),
    counted(branches.length, "branch", "branches"),
  ];
  const where = found.atHome || branches.length === 0 ? "" : " (branches: in the log alone)";
  return [
    `${found.run} ${found.status}: ${counts.join(", ")}`,
    `checked: ${RULES.join(", ")}${where}`,
    ...(found.voided === 0 ? [] : [`${counted(found.voided, "decision")} overtaken, as may be`]),
    ...(setAside.length === 0 ? [] : [`${counted(setAside.length, "message")} set aside:`]),
    ...setAside.map((each) => printable(`  ${each.sequence}  ${each.subject}: ${each.reason}`)),
    violations.length === 0 ? "no violation" : `${counted(violations.length, "violation")}:`,
    ...(violations.length === 0 ? [] : [violationTable(violations)]),
  ].join("\n");
}

const violationTable = (violations: readonly Violation[]): string =>
  table(
    ["AT", "RULE", "WHAT"],
    violations.map(({ sequence, rule, message }) => [
      sequence === undefined ? "" : String(sequence),
      rule,
      printable(message),
    ]),
  );

const counted = (count: number, one: string, many = `${one}s`) =>
  `${count} ${count === 1 ? one : many}`;

/** The same as a document. */
export const findingsDocument = (found: Findings): object => ({
  v: 1,
  run: found.run,
  status: found.status,
  ok: found.violations.length === 0,
  checked: {
    rules: RULES,
    messages: found.messages,
    instances: found.instances,
    attempts: found.attempts,
    blobs: found.blobs.length,
    branches: found.branches.length,
    repository: found.atHome,
  },
  voided: found.voided,
  set_aside: found.setAside,
  violations: found.violations,
});

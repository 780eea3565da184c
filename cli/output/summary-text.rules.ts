import { shortInstanceId } from "@pitaya/protocol";
import type { InstanceResult, Summary } from "@pitaya/views";
import { costText, countText, durationText } from "./amounts.rules.ts";
import { printable, shorten } from "./printable.rules.ts";
import { freedBy } from "./waiting.rules.ts";

const MESSAGE = 300;

const UNCOMMITTED =
  "What was not committed is kept as a patch. With --force-commit a run commits it by itself.";

/**
 * What a person reads when a run has ended: what became of it, of each instance, and what to type next.
 *
 * @param resultsPath where its files are, if they are kept here
 * @param deleted refs that were imported and are not in the repository any more
 */
export function summaryText(
  summary: Summary,
  resultsPath: string | undefined,
  deleted: ReadonlySet<string> = new Set(),
): string {
  const shown = summary.results.filter((result) => !isRead(result));
  const reads = summary.results.length - shown.length;
  const told = [counts(summary, reads), ...problem(summary), ...outcomes(summary)];
  const lines = [headline(summary), ...told, ""];
  const isOne = new Set(shown.map(({ key }) => key)).size === 1;
  lines.push(...shown.flatMap((result) => instanceLines(result, isOne, deleted)), "");
  if (resultsPath !== undefined) lines.push(`Results: ${resultsPath}`);
  const next = nextSteps(summary, deleted);
  if (next.length > 0) lines.push("Next:", ...next.map((step) => `  ${step}`));
  if (summary.uncommitted_instances > 0) lines.push(UNCOMMITTED);
  return `${lines.join("\n")}\n`;
}

function headline({ run_id, status, duration_seconds }: Summary): string {
  const time = duration_seconds === null ? "" : ` after ${durationText(duration_seconds)}`;
  return `${run_id} ${status}${time}`;
}

/** @param reads files that were read and got, which are not listed */
function counts(summary: Summary, reads: number): string {
  const { total_instances, completed_instances, failed_instances } = summary;
  const parts = [`${completed_instances - reads} of ${total_instances - reads} succeeded`];
  if (failed_instances > 0) parts.push(`${failed_instances} failed`);
  parts.push(`cost ${costText(summary.total_cost, summary.cost_unknown)}`);
  parts.push(`${countText(summary.total_tokens)} tokens`);
  return parts.join(", ");
}

const problem = ({ error }: Summary): string[] =>
  error === null
    ? []
    : [
        `${error.code}: ${said(error.message)}`,
        ...(error.hint === null ? [] : [`  ${said(error.hint)}`]),
      ];

/** Why a strategy failed, and what it chose. */
function outcomes({ strategies, results, error }: Summary): string[] {
  return Object.entries(strategies).flatMap(([id, { state, reason, chosen, metadata }]) => {
    if (chosen !== null && state === "completed") {
      const { score, score_scale_max: scale } = metadata;
      const worth = typeof score === "number" ? `, score ${score} of ${scale}` : "";
      const work = results.find(({ instance_id }) => instance_id === chosen);
      const empty = work?.has_changes === false ? ", which changed nothing" : "";
      const key = printable(work?.key ?? "");
      return [`${id} chose ${shortInstanceId(chosen)} (${key})${worth}${empty}`];
    }
    const isSaid = reason === null || state !== "failed" || error?.message.includes(reason);
    return isSaid ? [] : [`${id} failed: ${said(reason)}`];
  });
}

const said = (text: string) => shorten(printable(text), MESSAGE);

/** A file that the strategy read, and got: nobody's work. */
const isRead = ({ metadata, status }: InstanceResult): boolean =>
  metadata["kind"] === "read" && status === "completed";

/** @param isOne every instance has the same key, which then tells nothing */
function instanceLines(
  result: InstanceResult,
  isOne: boolean,
  deleted: ReadonlySet<string>,
): string[] {
  const name = shortInstanceId(result.instance_id);
  const key = isOne ? "" : `${printable(result.key)}  `;
  const lines = [`  ${name}  ${key}${stateText(result)}`];
  if (result.branch_name !== null) {
    lines.push(`    ${branchWord(result, deleted)}: ${printable(result.branch_name)}`);
  }
  if (result.error !== null && result.status !== "interrupted") {
    lines.push(`    ${result.error_code}: ${said(result.error)}`);
  }
  if (result.import_error !== null) lines.push(`    not imported: ${said(result.import_error)}`);
  return lines;
}

const isDeleted = ({ imported_ref }: InstanceResult, deleted: ReadonlySet<string>) =>
  imported_ref !== null && deleted.has(imported_ref);

function branchWord(result: InstanceResult, deleted: ReadonlySet<string>): string {
  if (result.imported_ref === null) return "branch to import";
  return isDeleted(result, deleted) ? "branch, imported and deleted since" : "branch";
}

function stateText(result: InstanceResult): string {
  const parts: string[] = [result.uncommitted ? "succeeded, uncommitted" : stateWord(result)];
  if (result.commit_count > 0) {
    const { commit_count, files_changed, lines_added, lines_deleted } = result;
    parts.push(
      `${plural(commit_count, "commit")}, ${plural(files_changed, "file")} +${lines_added} -${lines_deleted}`,
    );
  }
  if (result.duration_seconds !== null) parts.push(durationText(result.duration_seconds));
  parts.push(costText(result.cost ?? 0, result.cost_unknown));
  if (result.attempts > 1) parts.push(`${result.attempts} attempts`);
  return parts.join("  ");
}

function stateWord(result: InstanceResult): string {
  if (result.waiting_for.length > 0) return "waits for credentials";
  if (result.retry_at !== null) return `tries again at ${result.retry_at}`;
  if (result.status !== "completed") return result.status;
  const { verify_exit_code: exit, verify_timed_out: timedOut } = result.metadata;
  if (exit !== undefined) return timedOut ? "check ran out of time" : `check ended with ${exit}`;
  return result.has_changes ? "succeeded" : "succeeded, no changes";
}

const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** Commands that follow from how the run stands. */
export function nextSteps(summary: Summary, deleted: ReadonlySet<string> = new Set()): string[] {
  const { run_id, status, results } = summary;
  const steps: string[] = [];
  const waitsFor = [...new Set(results.flatMap((result) => result.waiting_for))];
  if (status === "running" && waitsFor.length > 0) steps.push(freedBy(run_id, waitsFor));
  else if (status === "running") steps.push(`pitaya attach ${run_id}`);
  if (status === "interrupted") steps.push(`pitaya resume ${run_id}`);
  const chosen = Object.values(summary.strategies).map((strategy) => strategy.chosen);
  const here = results.filter(
    (result) => result.imported_ref !== null && !isDeleted(result, deleted),
  );
  const imported = here.find(({ instance_id }) => chosen.includes(instance_id)) ?? here[0];
  if (imported?.branch_name) {
    steps.push(`git diff ${summary.base_commit.slice(0, 12)}..${printable(imported.branch_name)}`);
  }
  const isLacking =
    summary.not_imported_instances > 0 || results.some((result) => isDeleted(result, deleted));
  if (isLacking && status !== "running") {
    steps.push(`pitaya import ${run_id}`);
  }
  if (summary.uncommitted_instances > 0) steps.push(`pitaya import ${run_id} --uncommitted`);
  return steps;
}

import { ErrorCode, RunStatus } from "@pitaya/protocol";
import { z } from "zod";
import { exitCodeOfRun } from "./exit-code.ts";
import {
  hasWork,
  InstanceResult,
  instanceResult,
  isoTime,
  isUncommitted,
} from "./instance-result.ts";
import type { TextSource } from "./log-texts.ts";
import { modelOfRun } from "./model-of-run.rules.ts";
import { type ExecutionView, type RunView, statusOf } from "./run-view.ts";
import { spendOf } from "./spend.ts";
import { roundUsd } from "./usd.ts";

const StrategySummary = z.object({
  name: z.string(),
  state: z.enum(["running", "completed", "failed", "cancelled", "interrupted"]),
  config: z.record(z.string(), z.json()),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  /** Instances that count. */
  result_count: z.int(),
  reason: z.string().nullable(),
  chosen: z.string().nullable(),
  /** What the strategy says of its outcome. */
  metadata: z.record(z.string(), z.json()),
});

/** What a run came to so far: `summary.json`, and the last line of `--output json`. */
export const Summary = z.object({
  run_id: z.string(),
  status: RunStatus,
  /** The exit code its end stands for; null while it runs. */
  exit_code: z.int().nullable(),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  duration_seconds: z.number().nullable(),
  prompt: z.string(),
  repo_path: z.string(),
  base_branch: z.string(),
  base_commit: z.string(),
  strategy: z.string(),
  plugin: z.string(),
  model: z.string().nullable(),
  total_instances: z.int(),
  completed_instances: z.int(),
  failed_instances: z.int(),
  /** Succeeded with changes that were not committed. */
  uncommitted_instances: z.int(),
  /** Made commits that a repository can take in, and are not known to be in one. */
  not_imported_instances: z.int(),
  total_cost: z.number(),
  /** Attempts whose cost nobody knows and which `total_cost` therefore leaves out. */
  cost_unknown: z.int(),
  total_tokens: z.int(),
  error: z.object({ code: ErrorCode, message: z.string(), hint: z.string().nullable() }).nullable(),
  strategies: z.record(z.string(), StrategySummary),
  results: z.array(InstanceResult),
});
export type Summary = z.infer<typeof Summary>;

/** @throws Error before `run.submitted` was folded: there is nothing to say of such a run */
export function summaryOf(view: RunView, textOf: TextSource): Summary {
  const { spec } = view;
  if (spec === undefined) throw new Error("a run without run.submitted has no summary");
  const rows = [...view.instances.values()];
  const spend = spendOf(rows);
  const count = (is: (row: (typeof rows)[number]) => boolean) => rows.filter(is).length;
  return {
    run_id: spec.run,
    status: statusOf(view.phase),
    exit_code: exitCodeOfRun(view) ?? null,
    started_at: isoTime(view.submittedAt),
    completed_at: isoTime(view.finishedAt),
    duration_seconds: durationSecondsOf(view) ?? null,
    prompt: textOf(spec.prompt),
    repo_path: spec.repository.path,
    base_branch: spec.base.branch,
    base_commit: spec.base.commit,
    strategy: spec.strategy.name,
    plugin: spec.agent.plugin,
    model: modelOfRun(spec),
    total_instances: rows.length,
    completed_instances: count((row) => row.state === "succeeded"),
    failed_instances: count((row) => row.state === "failed"),
    uncommitted_instances: count(isUncommitted),
    not_imported_instances: count((row) => hasWork(row) && row.imported === undefined),
    total_cost: roundUsd(spend.costUsd),
    cost_unknown: spend.costUnknown,
    total_tokens: spend.inputTokens + spend.outputTokens,
    error: view.error
      ? { code: view.error.code, message: view.error.message, hint: view.error.hint ?? null }
      : null,
    strategies: Object.fromEntries(
      [...view.executions].map(([id, execution]) => [id, strategySummary(view, execution)]),
    ),
    results: rows.map((row) => instanceResult(row, view.executions.get(row.execution)?.outcome)),
  };
}

/** From submission to the end, or to the last interruption. */
export const durationSecondsOf = (view: RunView): number | undefined =>
  view.finishedAt === undefined || view.submittedAt === undefined
    ? undefined
    : (view.finishedAt - view.submittedAt) / 1000;

function strategySummary(view: RunView, execution: ExecutionView): z.infer<typeof StrategySummary> {
  return {
    name: view.spec?.strategy.name ?? "",
    state: executionState(view, execution),
    config: view.spec?.strategy.params ?? {},
    started_at: isoTime(execution.startedAt),
    completed_at: isoTime(execution.completedAt),
    result_count: execution.outcome?.instances.length ?? 0,
    reason: execution.error?.message ?? execution.outcome?.reason ?? null,
    chosen: execution.outcome?.chosen ?? null,
    metadata: execution.outcome?.metadata ?? {},
  };
}

function executionState(view: RunView, execution: ExecutionView) {
  if (execution.outcome) return execution.outcome.status === "succeeded" ? "completed" : "failed";
  return view.phase === "cancelled" || view.phase === "interrupted" ? view.phase : "running";
}

import type { Outcome } from "@pitaya/protocol";
import { z } from "zod";
import { outcomeMetadata } from "./outcome-metadata.ts";
import type { InstanceState, InstanceView } from "./run-view.ts";
import { spendOf } from "./spend.ts";
import { roundUsd } from "./usd.ts";

/** The outward name of an instance's state: whatever an attempt is busy with is `running`. */
export const InstanceStatus = z.enum([
  "queued",
  "running",
  "interrupted",
  "completed",
  "failed",
  "cancelled",
]);
export type InstanceStatus = z.infer<typeof InstanceStatus>;

export function instanceStatusOf(state: InstanceState): InstanceStatus {
  switch (state) {
    case "succeeded":
      return "completed";
    case "failed":
    case "cancelled":
    case "interrupted":
    case "queued":
      return state;
    default:
      return "running";
  }
}

export const TaskMetrics = z.object({
  /** From the first placement to the end; null before it. */
  duration_seconds: z.number().nullable(),
  /** US dollars known to be spent; null where nothing is known. */
  cost: z.number().nullable(),
  /** Attempts that ended and whose cost nobody knows. */
  cost_unknown: z.int(),
  tokens: z.int(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  cached_tokens: z.int(),
  attempts: z.int(),
  commit_count: z.int(),
  files_changed: z.int(),
  lines_added: z.int(),
  lines_deleted: z.int(),
});
export type TaskMetrics = z.infer<typeof TaskMetrics>;

/** Effort and work of an instance, over every attempt, failed ones too. */
export function metricsOf(row: InstanceView): TaskMetrics {
  const spend = spendOf([row]);
  const placedAt = row.attempts[0]?.placedAt;
  const work = row.succeeded?.work;
  const known = row.attempts.some(
    (a) => a.end && a.end.type !== "sealed" && "costUsd" in a.end.account,
  );
  return {
    duration_seconds:
      row.finishedAt === undefined || placedAt === undefined
        ? null
        : (row.finishedAt - placedAt) / 1000,
    cost: known || spend.costUnknown === 0 ? roundUsd(spend.costUsd) : null,
    cost_unknown: spend.costUnknown,
    tokens: spend.inputTokens + spend.outputTokens,
    input_tokens: spend.inputTokens,
    output_tokens: spend.outputTokens,
    cached_tokens: spend.cachedTokens,
    attempts: row.attempts.length,
    commit_count: work?.commits ?? 0,
    files_changed: work?.filesChanged ?? 0,
    lines_added: work?.insertions ?? 0,
    lines_deleted: work?.deletions ?? 0,
  };
}

/** There is a commit over the base that a repository can take in. */
export const hasWork = (row: InstanceView): boolean => row.succeeded?.work !== undefined;

/** Succeeded with changes and no commit: they are kept as a patch. */
export const isUncommitted = (row: InstanceView): boolean =>
  row.state === "succeeded" && row.succeeded?.uncommitted === true;

const HEADS = "refs/heads/";

/** The branch its work stands on: as imported, otherwise as it will be; null where it made none. */
export function branchOf(row: InstanceView): string | null {
  if (row.imported) return shortRef(row.imported.ref);
  return hasWork(row) ? (row.branch ?? null) : null;
}

export const shortRef = (ref: string): string =>
  ref.startsWith(HEADS) ? ref.slice(HEADS.length) : ref;

/** What an instance came to, under the earlier Pitaya's keys with ours beside them. */
export const InstanceResult = z.object({
  instance_id: z.string(),
  key: z.string(),
  strategy_execution_id: z.string(),
  session_id: z.string().nullable(),
  branch_name: z.string().nullable(),
  status: InstanceStatus,
  /** Names of the credentials it waits for. */
  waiting_for: z.array(z.string()),
  /** When its next attempt is due, where it waits for that. */
  retry_at: z.string().nullable(),
  success: z.boolean(),
  error: z.string().nullable(),
  error_code: z.string().nullable(),
  has_changes: z.boolean(),
  /** Changes were made and not committed; they are kept as a patch. */
  uncommitted: z.boolean(),
  commit: z.string().nullable(),
  /** Full name of the ref in the user's repository, once imported. */
  imported_ref: z.string().nullable(),
  import_error: z.string().nullable(),
  ...TaskMetrics.shape,
  cost_usd: z.number().nullable(),
  tokens_in: z.int(),
  tokens_out: z.int(),
  container_name: z.string().nullable(),
  runner: z.string().nullable(),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  metadata: z.record(z.string(), z.json()),
});
export type InstanceResult = z.infer<typeof InstanceResult>;

export const isoTime = (at: number | undefined): string | null =>
  at === undefined ? null : new Date(at).toISOString();

/** @param outcome of the strategy execution that it is of, once there is one */
export function instanceResult(row: InstanceView, outcome?: Outcome): InstanceResult {
  const metrics = metricsOf(row);
  const verify = row.succeeded?.verify;
  const last = row.attempts.at(-1);
  const ended = last?.end && last.end.type !== "sealed" ? last.end : undefined;
  const error = row.state === "succeeded" ? undefined : row.error;
  return {
    instance_id: row.instance,
    key: row.key,
    strategy_execution_id: row.execution,
    session_id: ended?.account.sessionId ?? null,
    branch_name: branchOf(row),
    status: instanceStatusOf(row.state),
    waiting_for: row.state === "waitingForCredentials" ? [...(row.waitingFor ?? [])] : [],
    retry_at: row.state === "backingOff" ? isoTime(row.dueAt) : null,
    success: row.state === "succeeded",
    error: error?.message ?? null,
    error_code: error?.code ?? null,
    has_changes: hasWork(row) || isUncommitted(row),
    uncommitted: isUncommitted(row),
    commit: row.succeeded?.work?.commit ?? null,
    imported_ref: row.imported?.ref ?? null,
    import_error: row.imported ? null : (row.importRefused?.message ?? null),
    ...metrics,
    cost_usd: metrics.cost,
    tokens_in: metrics.input_tokens,
    tokens_out: metrics.output_tokens,
    container_name: last?.container ?? null,
    runner: last?.runner ?? null,
    started_at: isoTime(row.attempts.find((a) => a.startedAt !== undefined)?.startedAt),
    completed_at: isoTime(row.finishedAt),
    metadata: {
      ...outcomeMetadata(outcome, row.instance),
      ...(verify && { verify_exit_code: verify.exitCode, verify_timed_out: verify.timedOut }),
      kind: row.kind,
      model: row.model ?? null,
      base_commit: row.baseCommit,
      fingerprint: row.fingerprint,
    },
  };
}

import { z } from "zod";
import { failureFields as failure } from "./earlier-error-type.ts";
import { TaskMetrics } from "./instance-result.ts";
import { Summary } from "./summary.ts";

const task = { key: z.string(), instance_id: z.string() } as const;

export const Artifact = z.object({
  type: z.literal("branch"),
  branch_planned: z.string().nullable(),
  /** The name it has when imported without a conflict; null where there is nothing to import. */
  branch_final: z.string().nullable(),
  base: z.string(),
  commit: z.string().nullable(),
  has_changes: z.boolean(),
  /** Changes that were not committed are kept as a patch. */
  uncommitted: z.boolean(),
  duplicate_of_branch: z.null(),
  dedupe_reason: z.null(),
});

const event = <const T extends string, P extends z.ZodRawShape>(type: T, payload: P) =>
  z.object({
    v: z.literal(1),
    /** Names the place in the log this was projected from: the same event, the same id. */
    id: z.string(),
    type: z.literal(type),
    /** When the server stored it, UTC with milliseconds. */
    ts: z.iso.datetime(),
    run_id: z.string(),
    strategy_execution_id: z.string().optional(),
    key: z.string().optional(),
    payload: z.object(payload),
  });

/**
 * What the outside sees of a run: one line of `--output json` and of `events.jsonl`. Types and
 * payload keys of the earlier Pitaya are kept; what is new stands beside them. New types and keys
 * may be added within version 1; readers pass over what they do not know.
 */
export const OutwardEvent = z.discriminatedUnion("type", [
  event("run.started", {
    run_id: z.string(),
    strategy: z.string(),
    params: z.record(z.string(), z.json()),
    runs: z.int(),
    prompt: z.string(),
    repo_path: z.string(),
    base_branch: z.string(),
    base_commit: z.string(),
    plugin: z.string(),
    model: z.string().nullable(),
  }),
  event("run.stopping", {
    mode: z.enum(["interrupt", "cancel"]),
    by: z.string(),
    reason: z.string(),
  }),
  event("run.interrupted", { run_id: z.string(), reason: z.string() }),
  event("run.resumed", { run_id: z.string(), by: z.string(), fresh: z.boolean() }),
  event("run.completed", {
    run_id: z.string(),
    duration_seconds: z.number(),
    total_cost: z.number(),
    cost_unknown: z.int(),
    total_tokens: z.int(),
  }),
  event("run.failed", { run_id: z.string(), error: z.string(), ...failure }),
  event("run.cancelled", { run_id: z.string() }),
  event("run.summary", Summary.shape),
  event("strategy.started", {
    name: z.string(),
    params: z.record(z.string(), z.json()),
    resumed: z.boolean().optional(),
  }),
  event("strategy.completed", {
    status: z.enum(["success", "failed", "canceled"]),
    reason: z.string().optional(),
    instances: z.array(z.string()),
    chosen: z.string().optional(),
  }),
  event("task.scheduled", {
    ...task,
    kind: z.enum(["agent", "verify", "read"]),
    /** Known once an attempt runs; in `task.started`. */
    container_name: z.null(),
    branch_name: z.string().nullable(),
    model: z.string().nullable(),
    base_branch: z.string(),
    base_commit: z.string(),
    task_fingerprint_hash: z.string(),
  }),
  event("task.started", {
    ...task,
    container_name: z.string(),
    model: z.string().nullable(),
    attempt: z.int(),
    runner: z.string(),
  }),
  event("task.progress", {
    ...task,
    phase: z.string(),
    attempt: z.int(),
    activity: z.string().optional(),
    tool: z.string().optional(),
    tool_ok: z.boolean().optional(),
    usage: z
      .object({
        input_tokens: z.int(),
        output_tokens: z.int(),
        cache_read_input_tokens: z.int(),
        cache_creation_input_tokens: z.int(),
      })
      .optional(),
    message_id: z.string().optional(),
  }),
  event("task.retrying", { ...task, ...failure, attempt: z.int(), delay_seconds: z.number() }),
  event("task.lost", { ...task, attempt: z.int(), runner: z.string(), reason: z.string() }),
  event("task.waiting", { ...task, waiting_for: z.array(z.string()) }),
  event("task.completed", {
    ...task,
    artifact: Artifact,
    metrics: TaskMetrics,
    /** At most 65,536 bytes. */
    final_message: z.string(),
    final_message_truncated: z.boolean(),
    /** Of the whole text, under the run's logs; null where nothing is cut. */
    final_message_path: z.string().nullable(),
    /** How a check ended, of instances that are one. */
    verify: z.object({ exit_code: z.int(), timed_out: z.boolean() }).optional(),
  }),
  event("task.failed", {
    ...task,
    ...failure,
    network_egress: z.string(),
    attempt: z.int(),
    metrics: TaskMetrics,
  }),
  event("task.interrupted", task),
  event("task.cancelled", task),
  event("task.import_refused", { ...task, ...failure, attempt: z.int() }),
  /** A message in the log that does not count, and why. */
  event("log.ignored", { subject: z.string(), reason: z.string() }),
]);
export type OutwardEvent = z.infer<typeof OutwardEvent>;
export type OutwardType = OutwardEvent["type"];
export type OutwardOf<T extends OutwardType> = Extract<OutwardEvent, { type: T }>;

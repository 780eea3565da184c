import { z } from "zod";
import { Text } from "./blobs.ts";
import { ErrorRecord } from "./errors.ts";
import {
  AttemptNumber,
  Commit,
  ExecutionId,
  InstanceId,
  ProcessId,
  RunId,
  TaskKey,
  Timestamp,
} from "./ids.ts";
import { RunFilePath } from "./run-files.ts";
import { KeyPolicy, RunOverride, RunSpec } from "./run-spec.ts";
import { InstanceKind, TaskSpec } from "./tasks.ts";

/**
 * Which version of the instance this entry was decided on: the number of events folded into it.
 * An entry whose instance has moved on since is void: skipped and counted, never an error.
 */
const assumes = z.int().nonnegative();
const instance = InstanceId;

/** What a strategy execution, and so a run, ends with. */
export const Outcome = z.object({
  status: z.enum(["succeeded", "failed"]),
  reason: z.string().max(2_000).optional(),
  /** The instances that count. */
  instances: z.array(InstanceId).max(10_000),
  chosen: InstanceId.optional(),
  metadata: z.record(z.string(), z.json()).optional(),
  /** For the user, below the run's results; with several executions, below `<execution>/` there. */
  files: z
    .array(z.object({ path: RunFilePath, text: Text }))
    .max(64)
    .optional(),
});
export type Outcome = z.infer<typeof Outcome>;

/** One call of strategy code on its context, as replay must meet it again. */
export const StrategyCall = z.object({
  index: z.int().nonnegative(),
  name: z.string().max(64),
  /** First 16 hex of sha256 over the canonical JSON of the arguments. */
  argsHash: z.string().regex(/^[0-9a-f]{16}$/),
});
export type StrategyCall = z.infer<typeof StrategyCall>;

/** Longest sleep of strategy code: 30 days. */
export const MAX_SLEEP_MS = 30 * 86_400_000;

export const StopMode = z.enum(["interrupt", "cancel"]);
export type StopMode = z.infer<typeof StopMode>;

export const Decision = z.discriminatedUnion("type", [
  z.object({ type: z.literal("run.submitted"), spec: RunSpec }),
  /** First entry of each reign over an unfinished run. */
  z.object({ type: z.literal("owner.changed") }),
  z.object({ type: z.literal("strategy.started"), execution: ExecutionId }),
  z.object({
    type: z.literal("strategy.called"),
    execution: ExecutionId,
    calls: z.array(StrategyCall).min(1),
  }),
  /** Strategy code sleeps: its call of this index, on this path of calls, is over after the delay. */
  z.object({
    type: z.literal("timer.set"),
    execution: ExecutionId,
    path: z.int().nonnegative(),
    index: z.int().nonnegative(),
    delayMs: z.int().nonnegative().max(MAX_SLEEP_MS),
  }),
  z.object({
    type: z.literal("timer.fired"),
    execution: ExecutionId,
    path: z.int().nonnegative(),
    index: z.int().nonnegative(),
  }),
  z.object({
    type: z.literal("instance.scheduled"),
    instance,
    execution: ExecutionId,
    key: TaskKey,
    kind: InstanceKind,
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
    /** Branch its work is imported as; absent where it has none. */
    branch: z.string().max(300).optional(),
    task: TaskSpec,
  }),
  /** The strategy no longer wants it: it is ended, unless it ends by itself before. */
  z.object({ type: z.literal("instance.stopping"), instance, assumes }),
  z.object({
    type: z.literal("attempt.placed"),
    instance,
    assumes,
    attempt: AttemptNumber,
    runner: ProcessId,
    /** The attempt whose last snapshot this one goes on from; absent: it starts over. */
    from: AttemptNumber.optional(),
    /** Unclaimed after this long, it is sealed and placed again. */
    claimTimeoutMs: z.int().positive(),
  }),
  z.object({
    type: z.literal("instance.backingOff"),
    instance,
    assumes,
    error: ErrorRecord,
    delayMs: z.int().nonnegative(),
  }),
  z.object({
    type: z.literal("instance.waitingForCredentials"),
    instance,
    assumes,
    missing: z.array(z.string()),
  }),
  /** Back in the queue: the wait is over, or the attempt before it was lost and is sealed. */
  z.object({ type: z.literal("instance.queued"), instance, assumes, reason: z.string().max(500) }),
  z.object({
    type: z.literal("instance.succeeded"),
    instance,
    assumes,
    attempt: AttemptNumber,
  }),
  z.object({ type: z.literal("instance.failed"), instance, assumes, error: ErrorRecord }),
  z.object({ type: z.literal("instance.cancelled"), instance, assumes }),
  z.object({ type: z.literal("instance.interrupted"), instance, assumes }),
  z.object({
    type: z.literal("strategy.completed"),
    execution: ExecutionId,
    outcome: Outcome,
    error: ErrorRecord.optional(),
  }),
  /** Someone asked to stop; attempts are told, and the run stops when they have. */
  z.object({
    type: z.literal("run.stopping"),
    mode: StopMode,
    by: z.string().max(200),
    reason: z.string().max(500),
  }),
  z.object({ type: z.literal("run.finalizing") }),
  z.object({ type: z.literal("run.succeeded") }),
  z.object({ type: z.literal("run.failed"), error: ErrorRecord }),
  z.object({ type: z.literal("run.cancelled") }),
  z.object({ type: z.literal("run.interrupted"), reason: z.string().max(500) }),
  z.object({
    type: z.literal("run.resumed"),
    by: z.string().max(200),
    /** Unfinished instances start over instead of going on from a snapshot. */
    fresh: z.boolean(),
    /** Laid over the run's settings, for attempts from now on. */
    override: RunOverride.optional(),
    /** What becomes of a key whose task is no longer the recorded one. */
    keyPolicy: KeyPolicy.optional(),
  }),
]);
export type Decision = z.infer<typeof Decision>;
export type DecisionType = Decision["type"];
export type DecisionOf<T extends DecisionType> = Extract<Decision, { type: T }>;

/** All decisions of one turn of the coordinator. Subject `subjects.decision`. */
export const DecisionMessage = z.object({
  v: z.literal(1),
  run: RunId,
  epoch: z.int().positive(),
  /** Counts the messages of this epoch in this run, from 1. */
  n: z.int().positive(),
  coordinator: ProcessId,
  at: Timestamp,
  entries: z.array(Decision).min(1),
});
export type DecisionMessage = z.infer<typeof DecisionMessage>;

/** Why the coordinator ends an attempt from outside. */
export const SealReason = z.enum(["lost", "unclaimed", "cancelled", "interrupted", "superseded"]);
export type SealReason = z.infer<typeof SealReason>;

/** The work of an attempt, as its runner checked it in quarantine. */
export const AttemptWork = z.object({
  commit: Commit,
  commits: z.int().nonnegative(),
  filesChanged: z.int().nonnegative(),
  insertions: z.int().nonnegative(),
  deletions: z.int().nonnegative(),
});
export type AttemptWork = z.infer<typeof AttemptWork>;

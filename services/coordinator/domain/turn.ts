import {
  branchName,
  credentialsOf,
  type Decision,
  type ErrorRecord,
  ExecutionId,
  executionId,
  type InstanceId,
  InstanceId as InstanceIdSchema,
  type InstanceKind,
  instanceId,
  type Outcome,
  ProcessId,
  type StrategyCall,
  type TaskSpec,
} from "@pitaya/protocol";
import { backoffMs, mayRetry } from "./retry.rules.ts";
import { type InstanceSnapshot, LIVE_STATES, type RunActors } from "./run-actors.ts";

/** A task that strategy code asked for, ready to be scheduled. */
export interface PlannedTask {
  readonly key: string;
  readonly fingerprint: string;
  readonly kind: InstanceKind;
  readonly task: TaskSpec;
  /** Why no runner can ever do it: it fails as it is scheduled. */
  readonly refusal?: ErrorRecord;
}

/** Where the code of a strategy execution stands. */
export interface ExecutionProgress {
  /** Every call so far; those the log does not have yet are recorded by this turn. */
  readonly calls: readonly StrategyCall[];
  /** Tasks that are not scheduled yet, in the order of the calls. */
  readonly tasks: readonly PlannedTask[];
  /** Keys of instances that the code no longer asks for, since it asks for others by these keys. */
  readonly replaced?: readonly string[];
  /** Keys of instances that the code wants no more. */
  readonly cancelled?: readonly string[];
  /** Sleeps that have no timer yet, in the order of the calls. */
  readonly sleeps: readonly { readonly index: number; readonly delayMs: number }[];
  readonly ended: { readonly outcome: Outcome; readonly error?: ErrorRecord } | undefined;
  /** Its end is none of its own: the code no longer goes the way that the log has of it. */
  readonly leftPath?: boolean;
}

/** What a turn knows beside the run's own state. */
export interface TurnWorld {
  readonly epoch: number;
  /** Epoch milliseconds. */
  readonly now: number;
  /** 0 ≤ x < 1 */
  random(): number;
  /** Whether the run's secrets are held here, or it needs none. */
  readonly credentialsHeld: boolean;
  readonly placements: readonly { readonly instance: string; readonly runner: string }[];
  readonly progress: ReadonlyMap<string, ExecutionProgress>;
  readonly claimTimeoutMs: number;
}

/** Without an attempt, and with one to come. */
const WAITING_STATES = ["queued", "backingOff", "waitingForCredentials"] as const;

/** So that an entry stays well within a message. */
const CALLS_AT_ONCE = 1_000;
/** More would not fit a message. */
const TASKS_AT_ONCE = 500;

const isLive = (actors: RunActors): boolean =>
  LIVE_STATES.some((state) => actors.inState(state).size > 0) ||
  actors.inState("settling").size > 0;

const ids = (set: ReadonlySet<string>): InstanceId[] =>
  [...set].map((id) => InstanceIdSchema.parse(id));

/**
 * What the coordinator decides now, from the state alone: the same state and world give the same
 * decisions, and once they are read back there is nothing left of them to decide. Pure.
 */
export function decide(actors: RunActors, world: TurnWorld): Decision[] {
  if (["succeeded", "failed", "cancelled", "interrupted"].includes(actors.phase)) return [];
  const entries: Decision[] = [];
  if (actors.log.decisions.epoch < world.epoch) entries.push({ type: "owner.changed" });
  const assumes = (instance: string) => actors.log.versionOf(instance);

  for (const instance of ids(actors.inState("settling"))) {
    const snapshot = actors.instance(instance);
    if (snapshot) entries.push(settle(instance, snapshot, actors, assumes(instance), world));
  }
  if (actors.stopping) return [...entries, ...stopTurn(actors, actors.stopping, assumes)];

  entries.push(...strategyTurn(actors, world));
  if (entries.at(-1)?.type === "run.stopping") return entries;
  for (const instance of actors.unwanted) {
    if (!WAITING_STATES.some((state) => actors.inState(state).has(instance))) continue;
    const id = InstanceIdSchema.parse(instance);
    entries.push({ type: "instance.cancelled", instance: id, assumes: assumes(instance) });
  }
  for (const { execution, path, index, dueAt } of actors.timers()) {
    if (dueAt > world.now) continue;
    const id = ExecutionId.parse(execution);
    entries.push({ type: "timer.fired", execution: id, path, index });
  }
  // Whatever still waits for a place is about to be cancelled.
  if (isOver(actors)) return oneWordEach([...entries, ...endTurn(actors, assumes)]);
  for (const instance of ids(actors.inState("backingOff"))) {
    const due = actors.instance(instance)?.context.dueAt ?? 0;
    if (due > world.now) continue;
    const reason = "the pause before the next attempt is over";
    entries.push({ type: "instance.queued", instance, assumes: assumes(instance), reason });
  }
  entries.push(...credentialsTurn(actors, world, assumes));
  for (const { instance, runner } of world.placements) {
    const attempt = (actors.instance(instance)?.context.attempt ?? 0) + 1;
    const { claimTimeoutMs } = world;
    const from = actors.instance(instance)?.context.kept?.attempt;
    const placed = { instance: InstanceIdSchema.parse(instance), runner: ProcessId.parse(runner) };
    entries.push({
      type: "attempt.placed",
      ...placed,
      assumes: assumes(instance),
      attempt,
      ...(from !== undefined && { from }),
      claimTimeoutMs,
    });
  }
  return oneWordEach(entries);
}

const isOver = ({ spec, executionsDone }: RunActors): boolean => executionsDone >= spec.executions;

/** Of several decisions on one instance only the first can count: it is another instance after that. */
function oneWordEach(entries: readonly Decision[]): Decision[] {
  const told = new Set<string>();
  return entries.filter((entry) => {
    if (!("assumes" in entry)) return true;
    const isFirst = !told.has(entry.instance);
    told.add(entry.instance);
    return isFirst;
  });
}

/** The decision about an attempt that has ended. */
function settle(
  instance: InstanceId,
  { context }: InstanceSnapshot,
  { spec, stopping }: RunActors,
  assumes: number,
  world: TurnWorld,
): Decision {
  const { end, attempt, failures } = context;
  if (end?.kind === "succeeded") return { type: "instance.succeeded", instance, assumes, attempt };
  if (stopping) {
    const type = stopping === "cancel" ? "instance.cancelled" : "instance.interrupted";
    return { type, instance, assumes };
  }
  if (context.unwanted || (end?.kind === "sealed" && end.reason === "superseded")) {
    return { type: "instance.cancelled", instance, assumes };
  }
  if (end?.kind === "sealed" && end.reason !== "lost") {
    const reason = `attempt ${attempt} was ended: ${end.reason}`;
    return { type: "instance.queued", instance, assumes, reason };
  }
  const error = end?.kind === "failed" ? end.error : lostError(context.runner);
  if (error.code === "cancelled") return { type: "instance.cancelled", instance, assumes };
  if (error.code === "interrupted") {
    const reason = `runner ${context.runner} handed attempt ${attempt} back`;
    return { type: "instance.queued", instance, assumes, reason };
  }
  if (!mayRetry(error, { failures, retries: spec.retries })) {
    return { type: "instance.failed", instance, assumes, error };
  }
  if (end?.kind === "sealed") {
    const reason = `runner ${context.runner} was lost with attempt ${attempt}`;
    return { type: "instance.queued", instance, assumes, reason };
  }
  const delayMs = backoffMs(error, failures, world.random());
  return { type: "instance.backingOff", instance, assumes, error, delayMs };
}

const lostError = (runner: string): ErrorRecord => ({
  code: "runner_lost",
  message: `runner ${runner} was lost while it worked on this`,
  retryable: true,
});

/** A stopping run: what has no live attempt stops at once; when nothing is live, so does the run. */
function stopTurn(
  actors: RunActors,
  mode: "interrupt" | "cancel",
  assumes: (instance: string) => number,
): Decision[] {
  const entries: Decision[] = [];
  const type = mode === "cancel" ? "instance.cancelled" : "instance.interrupted";
  for (const state of WAITING_STATES) {
    for (const instance of ids(actors.inState(state))) {
      entries.push({ type, instance, assumes: assumes(instance) });
    }
  }
  if (entries.length > 0 || isLive(actors)) return entries;
  return mode === "cancel"
    ? [{ type: "run.cancelled" }]
    : [{ type: "run.interrupted", reason: actors.stopReason }];
}

/** Starts executions, records what their code called, schedules its tasks, takes its outcome. */
function strategyTurn(actors: RunActors, world: TurnWorld): Decision[] {
  if (actors.phase !== "submitted" && actors.phase !== "executing") return [];
  const { spec } = actors;
  const entries: Decision[] = [];
  for (let number = actors.executions.size + 1; number <= spec.executions; number++) {
    entries.push({ type: "strategy.started", execution: executionId(number) });
  }
  const taken = new Set(world.progress.size > 0 ? actors.branches : []);
  for (const [id, progress] of world.progress) {
    const execution = ExecutionId.parse(id);
    const recorded = actors.executions.get(id);
    if (recorded === undefined || recorded.status === "done") continue;
    if (progress.leftPath) return [interruptedFor(progress.ended?.outcome.reason)];
    const calls = progress.calls.slice(recorded.context.calls.length);
    for (let from = 0; from < calls.length; from += CALLS_AT_ONCE) {
      const some = calls.slice(from, from + CALLS_AT_ONCE);
      entries.push({ type: "strategy.called", execution, calls: some });
    }
    for (const planned of progress.tasks.slice(0, TASKS_AT_ONCE)) {
      const instance = instanceId(spec.run, execution, planned.key);
      const name = branchName(spec.branchNaming, spec.strategy.name, spec.run, instance, taken);
      taken.add(name);
      const { key, kind, fingerprint, task, refusal } = planned;
      const branch = kind !== "agent" || task.readOnly ? {} : { branch: name };
      const scheduled = { instance, execution, key, kind, fingerprint, task, ...branch };
      entries.push({ type: "instance.scheduled", ...scheduled });
      if (refusal) entries.push({ type: "instance.failed", instance, assumes: 1, error: refusal });
    }
    for (const key of progress.replaced ?? []) {
      const instance = instanceId(spec.run, execution, key);
      if (!WAITING_STATES.some((state) => actors.inState(state).has(instance))) continue;
      const assumes = actors.log.versionOf(instance);
      entries.push({ type: "instance.cancelled", instance, assumes });
    }
    for (const key of progress.cancelled ?? []) {
      const instance = instanceId(spec.run, execution, key);
      const snapshot = actors.instance(instance);
      if (snapshot?.status !== "active" || snapshot.context.unwanted) continue;
      const assumes = actors.log.versionOf(instance);
      entries.push({ type: "instance.stopping", instance, assumes });
    }
    for (const sleep of progress.sleeps) {
      entries.push({ type: "timer.set", execution, path: recorded.context.path, ...sleep });
    }
    // Its last tasks are to be known, and so ended, before nobody looks after them any more.
    if (!progress.ended || progress.tasks.length > 0) continue;
    entries.push({ type: "strategy.completed", execution, ...progress.ended });
  }
  return entries;
}

/** Of code that is another now nothing can be decided, and nothing of the run need be lost. */
const interruptedFor = (reason = "its code changed"): Decision => ({
  type: "run.stopping",
  mode: "interrupt",
  by: "coordinator",
  reason: reason.slice(0, 500),
});

/** Work whose secrets nobody holds waits, without a slot and without spending a retry. */
function credentialsTurn(
  actors: RunActors,
  world: TurnWorld,
  assumes: (instance: string) => number,
): Decision[] {
  const [from, type] = world.credentialsHeld
    ? (["waitingForCredentials", "instance.queued"] as const)
    : (["queued", "instance.waitingForCredentials"] as const);
  return ids(actors.inState(from)).map((instance) =>
    type === "instance.queued"
      ? { type, instance, assumes: assumes(instance), reason: "credentials are here" }
      : {
          type,
          instance,
          assumes: assumes(instance),
          missing: credentialsOf(actors.spec),
        },
  );
}

/** When every execution has its outcome, what it no longer waits for is ended, and then the run. */
function endTurn(actors: RunActors, assumes: (instance: string) => number): Decision[] {
  const { spec, executions, phase } = actors;
  const entries: Decision[] = phase === "executing" ? [{ type: "run.finalizing" }] : [];
  for (const state of WAITING_STATES) {
    for (const instance of ids(actors.inState(state))) {
      entries.push({ type: "instance.cancelled", instance, assumes: assumes(instance) });
    }
  }
  if (isLive(actors)) return entries;
  const failed = [...executions].filter(([, e]) => e.context.outcome?.status === "failed");
  const [first] = failed;
  if (first === undefined) return [...entries, { type: "run.succeeded" }];
  const { outcome, error } = first[1].context;
  const which =
    spec.executions === 1 ? "" : ` in ${failed.length} of ${spec.executions} executions`;
  const message = `the strategy's outcome is failure${which}: ${outcome?.reason ?? "no reason given"}`;
  const code = error?.code ?? "strategy_failed";
  const hint = error?.hint === undefined ? {} : { hint: error.hint };
  return [...entries, { type: "run.failed", error: { code, message, retryable: false, ...hint } }];
}

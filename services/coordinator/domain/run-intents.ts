import type { Intent } from "@pitaya/actors";
import type { SealReason, SessionSnapshot, TaskSpec } from "@pitaya/protocol";
import { overriddenTask } from "@pitaya/views";
import { LIVE_STATES, type RunActors } from "./run-actors.ts";

/** What the state of a run asks the outside to do. */
export type RunIntent = Intent &
  (
    | {
        readonly kind: "start";
        readonly run: string;
        readonly instance: string;
        readonly attempt: number;
        readonly runner: string;
        readonly decision: number;
        readonly task: TaskSpec;
        readonly snapshot: SessionSnapshot | undefined;
      }
    | {
        readonly kind: "confirm";
        readonly run: string;
        readonly instance: string;
        readonly attempt: number;
        readonly runner: string;
        readonly decision: number;
        /** Its fact that told of the pause. */
        readonly pausedBy: number;
      }
    | {
        readonly kind: "cancel";
        readonly run: string;
        readonly instance: string;
        readonly attempt: number;
        readonly runner: string;
        readonly decision: number;
        readonly mode: "interrupt" | "cancel";
      }
    | {
        readonly kind: "seal";
        readonly run: string;
        readonly instance: string;
        readonly attempt: number;
        readonly runner: string;
        readonly reason: SealReason;
        /** Last message folded on the attempt's subject; 0 if unclaimed. */
        readonly expectedLast: number;
      }
  );

/** What the intents depend on beside the state. */
export interface IntentWorld {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Whether the coordinator has given up on the runner, or on this attempt on it. */
  isLost(runner: string, instance: string, attempt: number): boolean;
  /** When this attempt was first told to stop; it is sealed `cancelGraceMs` later. */
  toldToStopAt(instance: string, attempt: number): number | undefined;
  readonly cancelGraceMs: number;
}

/** Pure. Only instances with a live attempt are looked at. */
export function runIntents(actors: RunActors, world: IntentWorld): RunIntent[] {
  const intents: RunIntent[] = [];
  for (const state of LIVE_STATES) {
    for (const instance of actors.inState(state)) {
      intents.push(...attemptIntents(actors, state, instance, world));
    }
  }
  return intents;
}

function attemptIntents(
  actors: RunActors,
  state: (typeof LIVE_STATES)[number],
  instance: string,
  world: IntentWorld,
): RunIntent[] {
  const context = actors.instance(instance)?.context;
  if (context === undefined) return [];
  const { attempt, runner, placedBy, placedAt, claimTimeoutMs } = context;
  const { run } = actors.spec;
  const place = { run, instance, attempt, runner };
  const name = `${run}.${instance}.${attempt}`;
  const seal = (reason: SealReason): RunIntent => {
    const expectedLast = actors.log.chainOf(instance, attempt)?.tail ?? 0;
    return {
      id: `seal.${name}.${reason}.${expectedLast}`,
      kind: "seal",
      ...place,
      reason,
      expectedLast,
    };
  };

  if (world.isLost(runner, instance, attempt)) return [seal("lost")];
  if (state === "placed" && world.now >= placedAt + claimTimeoutMs) return [seal("unclaimed")];
  // A finalizing run has its outcome, and a strategy may want a task no more: what still runs is told
  // to stop, as in a stopping run.
  const isOver = actors.phase === "finalizing" || context.unwanted;
  const mode = actors.stopping ?? (isOver ? "cancel" : undefined);
  if (mode === undefined) {
    const order = { ...place, decision: placedBy };
    if (state === "paused") {
      const pausedBy = actors.log.chainOf(instance, attempt)?.lastSequence ?? 0;
      return [{ id: `confirm.${name}.${pausedBy}`, kind: "confirm", ...order, pausedBy }];
    }
    if (state !== "placed") return [];
    const task = overriddenTask(context.scheduled.task, actors.override);
    const snapshot = context.kept?.snapshot;
    return [{ id: `start.${name}`, kind: "start", ...order, task, snapshot }];
  }
  const reason: SealReason =
    actors.stopping === undefined ? "superseded" : mode === "cancel" ? "cancelled" : "interrupted";
  // An unclaimed attempt has nothing to stop: sealed, its start is dropped by the runner.
  if (state === "placed") return [seal(reason)];
  const toldAt = world.toldToStopAt(instance, attempt);
  const cancel: RunIntent = {
    id: `cancel.${name}`,
    kind: "cancel",
    ...place,
    decision: placedBy,
    mode,
  };
  const overdue = toldAt !== undefined && world.now >= toldAt + world.cancelGraceMs;
  return overdue ? [cancel, seal(reason)] : [cancel];
}

/** When this run next has something to do though nothing happens, epoch milliseconds. */
export function nextDeadline(actors: RunActors, world: IntentWorld): number | undefined {
  let next = Number.POSITIVE_INFINITY;
  for (const id of actors.inState("backingOff")) {
    next = Math.min(next, actors.instance(id)?.context.dueAt ?? next);
  }
  for (const { dueAt } of actors.timers()) next = Math.min(next, dueAt);
  for (const id of actors.inState("placed")) {
    const context = actors.instance(id)?.context;
    if (context) next = Math.min(next, context.placedAt + context.claimTimeoutMs);
  }
  const areAllStopping = actors.stopping !== undefined || actors.phase === "finalizing";
  const stopping = areAllStopping
    ? LIVE_STATES.flatMap((state) => [...actors.inState(state)])
    : actors.unwanted;
  for (const id of stopping) {
    const attempt = actors.instance(id)?.context.attempt ?? 0;
    const toldAt = world.toldToStopAt(id, attempt);
    if (toldAt !== undefined) next = Math.min(next, toldAt + world.cancelGraceMs);
  }
  return Number.isFinite(next) ? next : undefined;
}

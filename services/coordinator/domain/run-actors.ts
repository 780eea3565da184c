import { advance, born, placedIn } from "@pitaya/actors";
import type { Decision, DecisionOf, RunOverride, RunSpec, TaskSpec } from "@pitaya/protocol";
import { type LogEvent, mergedOverride, overriddenSpec, type RunLog, runLog } from "@pitaya/views";
import type { SnapshotFrom } from "xstate";
import {
  type InstanceContext,
  type InstanceStateName,
  instanceMachine,
} from "./instance.machine.ts";
import { type RunEvent, type RunStateName, runMachine } from "./run.machine.ts";
import { strategyMachine } from "./strategy.machine.ts";

export type InstanceSnapshot = SnapshotFrom<typeof instanceMachine>;
export type StrategySnapshot = SnapshotFrom<typeof strategyMachine>;

/**
 * What a strategy execution is waiting to hear, in stream order: an instance became final, or the
 * sleep that is its call of this index, on this path of calls, is over.
 */
export type Resolution = {
  readonly execution: string;
  readonly sequence: number;
  /** When that was stored, epoch milliseconds of the server. */
  readonly at: number;
} & ({ readonly instance: string } | { readonly timer: number; readonly path: number });

/**
 * The actors of one run: a map and not a tree, advanced by the events of the run's log and by
 * nothing else. Instances are indexed by state, so that a turn looks only at those it can act on.
 */
export interface RunActors {
  readonly log: RunLog;
  /** As submitted, with what `resume` has overridden. */
  readonly spec: RunSpec;
  readonly override: RunOverride;
  readonly phase: RunStateName;
  readonly stopping: "interrupt" | "cancel" | undefined;
  readonly stopReason: string;
  readonly lives: number;
  readonly executions: ReadonlyMap<string, StrategySnapshot>;
  readonly executionsDone: number;
  /** Of all executions, those that have not fired. */
  timers(): Iterable<PendingTimer>;
  instance(id: string): InstanceSnapshot | undefined;
  /** Ids in a state, in the order they came into it. */
  inState(state: InstanceStateName): ReadonlySet<string>;
  /** Ids that the strategy no longer wants and that have not ended. */
  readonly unwanted: ReadonlySet<string>;
  readonly branches: ReadonlySet<string>;
  /** @returns what became final by this event */
  apply(event: LogEvent): readonly Resolution[];
  /** All of them as JSON; `runActors` goes on from it. */
  freeze(): FrozenRunActors;
}

/** When strategy code goes on, epoch milliseconds of the server. */
export interface PendingTimer {
  readonly execution: string;
  readonly path: number;
  readonly index: number;
  readonly dueAt: number;
}

/** An actor's state: what `placedIn` needs. */
interface FrozenActor {
  readonly value: string;
  readonly context: unknown;
}

export interface FrozenRunActors {
  readonly submitted: RunSpec;
  readonly override: RunOverride;
  readonly run: FrozenActor;
  readonly executions: readonly (readonly [string, FrozenActor])[];
  /** In the order they came into their states. */
  readonly instances: readonly FrozenInstance[];
  /** Tasks of the instances, each different one once. */
  readonly tasks: readonly TaskSpec[];
  readonly branches: readonly string[];
}

/** Most of an instance is its task, and most tasks of a run are alike. */
interface FrozenInstance {
  readonly value: InstanceStateName;
  readonly context: Omit<InstanceContext, "scheduled">;
  readonly scheduled: Omit<DecisionOf<"instance.scheduled">, "task">;
  /** Place in `tasks`. */
  readonly task: number;
}

export const LIVE_STATES = ["placed", "starting", "running", "harvesting", "paused"] as const;
export const FINAL_STATES = ["succeeded", "failed", "cancelled"] as const;

export const stateOf = (snapshot: InstanceSnapshot): InstanceStateName => snapshot.value;

/** Run events that are nothing but their decision's name. */
const PLAIN_RUN_EVENTS: Partial<Record<Decision["type"], RunEvent>> = {
  "run.finalizing": { type: "FINALIZING" },
  "run.succeeded": { type: "SUCCEEDED" },
  "run.cancelled": { type: "CANCELLED" },
  "run.interrupted": { type: "INTERRUPTED" },
};

const SHARED_TASKS = 64;

/** @param log has admitted everything up to and including the message that holds `submitted` */
export function runActors(
  submitted: RunSpec,
  log: RunLog = runLog(),
  frozen?: FrozenRunActors,
): RunActors {
  let run = born(runMachine, submitted);
  let override: RunOverride = frozen?.override ?? {};
  let spec = overriddenSpec(submitted, override);
  const executions = new Map<string, StrategySnapshot>();
  let executionsDone = 0;
  /** Executions with a timer. */
  const sleeping = new Set<string>();
  const noteTimers = (id: string, { status, context }: StrategySnapshot) => {
    if (status === "active" && context.timers.length > 0) sleeping.add(id);
    else sleeping.delete(id);
  };
  const instances = new Map<string, InstanceSnapshot>();
  const byState = new Map<InstanceStateName, Set<string>>();
  const unwanted = new Set<string>();
  const branches = new Set<string>(frozen?.branches);

  const setOf = (state: InstanceStateName): Set<string> => {
    const known = byState.get(state);
    if (known) return known;
    const fresh = new Set<string>();
    byState.set(state, fresh);
    return fresh;
  };
  const move = (id: string, before: InstanceSnapshot | undefined, after: InstanceSnapshot) => {
    instances.set(id, after);
    if (after.context.unwanted && after.status === "active") unwanted.add(id);
    else unwanted.delete(id);
    if (before?.value === after.value) return;
    if (before) setOf(before.value).delete(id);
    setOf(after.value).add(id);
  };
  if (frozen) {
    run = thawed(runMachine, frozen.run);
    for (const [id, actor] of frozen.executions) {
      const snapshot = thawed(strategyMachine, actor);
      executions.set(id, snapshot);
      if (snapshot.status === "done") executionsDone += 1;
      noteTimers(id, snapshot);
    }
    for (const { value, context, scheduled, task } of frozen.instances) {
      const whole = { ...scheduled, task: frozen.tasks[task] ?? missingTask(task) };
      const snapshot = placedIn(instanceMachine, value, { ...context, scheduled: whole });
      move(scheduled.instance, undefined, snapshot);
    }
  }
  /** Most tasks of a run are alike, and a run may have thousands. */
  const tasks = new Map<string, TaskSpec>();
  const shared = (task: TaskSpec): TaskSpec => {
    const text = JSON.stringify(task);
    const known = tasks.get(text) ?? task;
    if (tasks.size < SHARED_TASKS) tasks.set(text, known);
    return known;
  };
  const send = (id: string, event: Parameters<typeof advance<typeof instanceMachine>>[2]) => {
    const before = instances.get(id);
    if (before) move(id, before, advance(instanceMachine, before, event));
  };
  const sendExecution = (
    id: string,
    event: Parameters<typeof advance<typeof strategyMachine>>[2],
  ) => {
    const before = executions.get(id);
    if (!before) return;
    const after = advance(strategyMachine, before, event);
    executions.set(id, after);
    if (before.status !== "done" && after.status === "done") executionsDone += 1;
    noteTimers(id, after);
  };
  const sendRun = (event: RunEvent) => {
    run = advance(runMachine, run, event);
  };

  function applyDecision(entry: Decision, at: number, sequence: number): Resolution[] {
    const plain = PLAIN_RUN_EVENTS[entry.type];
    if (plain) sendRun(plain);
    switch (entry.type) {
      case "strategy.started":
        sendRun({ type: "STRATEGY_STARTED" });
        executions.set(entry.execution, born(strategyMachine, { startedAt: at }));
        return [];
      case "strategy.called":
        sendExecution(entry.execution, { type: "CALLED", calls: entry.calls });
        return [];
      case "timer.set": {
        const { execution, path, index, delayMs } = entry;
        sendExecution(execution, { type: "TIMER_SET", path, index, dueAt: at + delayMs });
        return [];
      }
      case "timer.fired": {
        const { execution, path, index } = entry;
        const context = executions.get(execution)?.context;
        const isPending = context?.timers.some((timer) => timer.index === index);
        sendExecution(execution, { type: "TIMER_FIRED", path, index });
        return isPending && context?.path === path
          ? [{ execution, timer: index, path, sequence, at }]
          : [];
      }
      case "strategy.completed":
        sendExecution(entry.execution, {
          type: "COMPLETED",
          outcome: entry.outcome,
          error: entry.error,
        });
        return [];
      case "run.stopping":
        sendRun({ type: "STOPPING", mode: entry.mode, reason: entry.reason });
        return [];
      case "run.failed":
        sendRun({ type: "FAILED", error: entry.error });
        return [];
      case "run.resumed":
        sendRun({ type: "RESUMED" });
        override = mergedOverride(override, entry.override ?? {});
        spec = overriddenSpec(submitted, override);
        for (const id of executions.keys()) {
          sendExecution(id, { type: "RESUMED", keyPolicy: entry.keyPolicy ?? "strict" });
        }
        for (const id of [...setOf("interrupted")]) {
          send(id, { type: "RUN_RESUMED", fresh: entry.fresh });
        }
        return [];
      case "instance.scheduled":
        if (entry.branch !== undefined) branches.add(entry.branch);
        move(
          entry.instance,
          undefined,
          born(instanceMachine, { ...entry, task: shared(entry.task) }),
        );
        return [];
      default: {
        if (!("instance" in entry)) return [];
        const before = instances.get(entry.instance);
        send(entry.instance, { type: "DECIDED", entry, at, sequence });
        const after = instances.get(entry.instance);
        if (before?.status !== "active" || after?.status !== "done") return [];
        const { execution } = after.context.scheduled;
        return [{ execution, instance: entry.instance, sequence, at }];
      }
    }
  }

  return {
    log,
    get spec() {
      return spec;
    },
    get override() {
      return override;
    },
    executions,
    branches,
    get executionsDone() {
      return executionsDone;
    },
    get phase() {
      return run.value;
    },
    get stopping() {
      return run.context.stopping;
    },
    get stopReason() {
      return run.context.stopReason;
    },
    get lives() {
      return run.context.lives;
    },
    *timers() {
      for (const execution of sleeping) {
        const context = executions.get(execution)?.context;
        for (const { index, dueAt } of context?.timers ?? []) {
          yield { execution, path: context?.path ?? 0, index, dueAt };
        }
      }
    },
    instance: (id) => instances.get(id),
    inState: setOf,
    unwanted,
    freeze() {
      const tasks = new Map<string, { readonly place: number; readonly task: TaskSpec }>();
      const inOrder = [...byState.values()].flatMap((ids) => [...ids]);
      const rows = inOrder.flatMap((id): FrozenInstance[] => {
        const snapshot = instances.get(id);
        if (!snapshot) return [];
        const { scheduled, ...context } = snapshot.context;
        const { task, ...rest } = scheduled;
        const text = JSON.stringify(task);
        const known = tasks.get(text) ?? { place: tasks.size, task };
        tasks.set(text, known);
        return [{ value: snapshot.value, context, scheduled: rest, task: known.place }];
      });
      return {
        submitted,
        override,
        run: frozenActor(run),
        executions: [...executions].map(([id, snapshot]) => [id, frozenActor(snapshot)]),
        instances: rows,
        tasks: [...tasks.values()].map(({ task }) => task),
        branches: [...branches],
      };
    },
    apply(event) {
      const { storedAt, sequence } = event.place;
      if (event.kind === "decision") return applyDecision(event.entry, storedAt, sequence);
      if (event.kind === "fact") {
        send(event.instance, { type: "TOLD", attempt: event.attempt, fact: event.fact });
      } else if (event.kind === "seal") {
        send(event.instance, { type: "SEALED", attempt: event.attempt, reason: event.reason });
      }
      return [];
    },
  };
}

const frozenActor = ({ value, context }: FrozenActor): FrozenActor => ({ value, context });

const thawed = <M extends typeof runMachine | typeof strategyMachine>(
  machine: M,
  { value, context }: FrozenActor,
): SnapshotFrom<M> =>
  placedIn(machine, value as SnapshotFrom<M>["value"], context as SnapshotFrom<M>["context"]);

function missingTask(place: number): never {
  throw new Error(`the fold snapshot has no task ${place}`);
}

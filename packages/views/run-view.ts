import type {
  Decision,
  ErrorRecord,
  Fact,
  FactOf,
  ImportConflictPolicy,
  ImportPolicy,
  InstanceKind,
  Outcome,
  Requirements,
  RunOverride,
  RunSpec,
  RunStatus,
  TaskSpec,
} from "@pitaya/protocol";
import { mergedOverride } from "./override.ts";
import type { LogEvent, Place } from "./run-log.ts";

export type InstanceState =
  | "queued"
  | "placed"
  | "claimed"
  | "fetching"
  | "preparing"
  | "running"
  | "harvesting"
  | "uploading"
  | "paused"
  | "backingOff"
  | "waitingForCredentials"
  | "interrupted"
  | "succeeded"
  | "failed"
  | "cancelled";

export interface AttemptView {
  readonly attempt: number;
  readonly runner: string;
  readonly placedAt: number;
  readonly claimedAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly container?: string;
  readonly end?:
    | FactOf<"attempt.succeeded">
    | FactOf<"attempt.failed">
    | { readonly type: "sealed"; readonly reason: string };
}

export interface InstanceView {
  readonly instance: string;
  readonly execution: string;
  readonly key: string;
  readonly kind: InstanceKind;
  readonly branch?: string;
  readonly baseCommit: string;
  readonly importPolicy: ImportPolicy;
  /** Instead of the run's. */
  readonly importConflict?: ImportConflictPolicy;
  readonly skipEmptyImport?: boolean;
  readonly model?: string;
  readonly plugin: string;
  /** What a runner must offer. */
  readonly requires?: Requirements;
  readonly fingerprint: string;
  readonly state: InstanceState;
  readonly scheduledAt: number;
  readonly finishedAt?: number;
  readonly attempts: readonly AttemptView[];
  /** Of the last failure; stays while the next attempt runs. */
  readonly error?: ErrorRecord;
  /** When a backing-off instance is due. */
  readonly dueAt?: number;
  /** Credentials it waits for, or last waited for. */
  readonly waitingFor?: readonly string[];
  readonly succeeded?: FactOf<"attempt.succeeded">;
  readonly imported?: { readonly ref: string; readonly commit: string };
  readonly importRefused?: ErrorRecord;
}

export interface ExecutionView {
  readonly execution: string;
  readonly startedAt: number;
  readonly completedAt?: number;
  readonly outcome?: Outcome;
  readonly error?: ErrorRecord;
  /** The second name of the branch it chose, in a repository. */
  readonly bestImported?: { readonly ref: string; readonly commit: string };
}

export type RunPhase =
  | "submitted"
  | "executing"
  | "finalizing"
  | "interrupted"
  | "succeeded"
  | "failed"
  | "cancelled";

/** What can be said of a run from its log. */
export interface RunView {
  /** As submitted. */
  readonly spec: RunSpec | undefined;
  /** What resumes have laid over it since. */
  readonly override: RunOverride;
  readonly phase: RunPhase;
  readonly stopping: "interrupt" | "cancel" | undefined;
  readonly submittedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly error: ErrorRecord | undefined;
  readonly executions: ReadonlyMap<string, ExecutionView>;
  readonly instances: ReadonlyMap<string, InstanceView>;
  readonly stale: number;
  readonly sequence: number;
  /** When something last happened in it; another coordinator and who looks at it are nothing. */
  readonly movedAt: number;
}

export interface RunViewFold {
  readonly view: RunView;
  /** Rows are replaced, never changed; the maps are the fold's own and change under the reader. */
  apply(event: LogEvent): void;
  /** The view as JSON; `runView` goes on from it. */
  freeze(): FrozenRunView;
}

export type FrozenRunView = Omit<RunView, "executions" | "instances"> & {
  readonly executions: readonly ExecutionView[];
  readonly instances: readonly InstanceView[];
};

const FINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled"]);

export const isFinalPhase = (phase: RunPhase): boolean => FINAL.has(phase);
export const isFinalInstance = (state: InstanceState): boolean => FINAL.has(state);

/** The outward name of a phase: submitted, executing and finalizing are `running`. */
export function statusOf(phase: RunPhase): RunStatus {
  if (phase === "succeeded") return "completed";
  if (phase === "failed" || phase === "cancelled" || phase === "interrupted") return phase;
  return "running";
}

const moves = (event: LogEvent): boolean =>
  event.kind === "decision"
    ? event.entry.type !== "owner.changed"
    : event.kind === "fact" || event.kind === "seal";

function importRulesOf({ importConflict, skipEmptyImport }: TaskSpec): Partial<InstanceView> {
  return {
    ...(importConflict === undefined ? {} : { importConflict }),
    ...(skipEmptyImport === undefined ? {} : { skipEmptyImport }),
  };
}

export function runView(frozen?: FrozenRunView): RunViewFold {
  const executions = new Map(frozen?.executions.map((row) => [row.execution, row]));
  const instances = new Map(frozen?.instances.map((row) => [row.instance, row]));
  const view = {
    spec: undefined as RunSpec | undefined,
    override: {} as RunOverride,
    phase: "submitted" as RunPhase,
    stopping: undefined as RunView["stopping"],
    submittedAt: undefined as number | undefined,
    finishedAt: undefined as number | undefined,
    error: undefined as ErrorRecord | undefined,
    stale: 0,
    sequence: 0,
    movedAt: 0,
    ...frozen,
    executions,
    instances,
  };

  const change = (instance: string, next: (row: InstanceView) => Partial<InstanceView>) => {
    const row = instances.get(instance);
    if (row) instances.set(instance, { ...row, ...next(row) });
  };
  const changeAttempt = (instance: string, attempt: number, next: Partial<AttemptView>) =>
    change(instance, (row) => ({
      attempts: row.attempts.map((a) => (a.attempt === attempt ? { ...a, ...next } : a)),
    }));
  const finish = (instance: string, state: InstanceState, place: Place, error?: ErrorRecord) =>
    change(instance, () => ({ state, finishedAt: place.storedAt, ...(error && { error }) }));
  const endRun = (phase: RunPhase, place: Place, error?: ErrorRecord) =>
    Object.assign(view, { phase, finishedAt: place.storedAt, stopping: undefined, error });

  function applyDecision(entry: Decision, place: Place) {
    // A final outcome is never rewritten, whatever the log holds after it.
    if (isFinalPhase(view.phase) && entry.type.startsWith("run.")) return;
    switch (entry.type) {
      case "run.submitted":
        Object.assign(view, { spec: entry.spec, submittedAt: place.storedAt });
        return;
      case "owner.changed":
      case "strategy.called":
      case "timer.set":
      case "timer.fired":
        return;
      case "strategy.started":
        view.phase = "executing";
        executions.set(entry.execution, { execution: entry.execution, startedAt: place.storedAt });
        return;
      case "strategy.completed": {
        const started = executions.get(entry.execution);
        if (!started) return;
        const { outcome, error } = entry;
        const completed = { ...started, completedAt: place.storedAt, outcome };
        executions.set(entry.execution, error ? { ...completed, error } : completed);
        return;
      }
      case "instance.scheduled":
        instances.set(entry.instance, {
          instance: entry.instance,
          execution: entry.execution,
          key: entry.key,
          kind: entry.kind,
          ...(entry.branch === undefined ? {} : { branch: entry.branch }),
          baseCommit: entry.task.base.commit,
          importPolicy: entry.task.importPolicy,
          ...importRulesOf(entry.task),
          ...(entry.task.agent.model === undefined ? {} : { model: entry.task.agent.model }),
          plugin: entry.task.agent.plugin,
          ...(entry.task.requires === undefined ? {} : { requires: entry.task.requires }),
          fingerprint: entry.fingerprint,
          state: "queued",
          scheduledAt: place.storedAt,
          attempts: [],
        });
        return;
      case "attempt.placed": {
        const { attempt, runner } = entry;
        change(entry.instance, (row) => ({
          state: "placed",
          attempts: [...row.attempts, { attempt, runner, placedAt: place.storedAt }],
        }));
        return;
      }
      case "instance.backingOff":
        change(entry.instance, () => ({
          state: "backingOff",
          error: entry.error,
          dueAt: place.storedAt + entry.delayMs,
        }));
        return;
      case "instance.waitingForCredentials":
        change(entry.instance, () => ({
          state: "waitingForCredentials",
          waitingFor: entry.missing,
        }));
        return;
      case "instance.stopping":
        return;
      case "instance.queued":
        change(entry.instance, () => ({ state: "queued" }));
        return;
      case "instance.succeeded":
        finish(entry.instance, "succeeded", place);
        return;
      case "instance.failed":
        finish(entry.instance, "failed", place, entry.error);
        return;
      case "instance.cancelled":
        finish(entry.instance, "cancelled", place);
        return;
      case "instance.interrupted":
        change(entry.instance, () => ({ state: "interrupted" }));
        return;
      case "run.stopping":
        view.stopping = entry.mode;
        return;
      case "run.finalizing":
        view.phase = "finalizing";
        return;
      case "run.succeeded":
        endRun("succeeded", place);
        return;
      case "run.failed":
        endRun("failed", place, entry.error);
        return;
      case "run.cancelled":
        endRun("cancelled", place);
        return;
      case "run.interrupted":
        endRun("interrupted", place);
        return;
      case "run.resumed":
        Object.assign(view, { phase: "executing", finishedAt: undefined, stopping: undefined });
        view.override = mergedOverride(view.override, entry.override ?? {});
        return;
      default:
        return entry satisfies never;
    }
  }

  function applyFact(instance: string, attempt: number, fact: Fact, place: Place) {
    switch (fact.type) {
      case "attempt.claimed":
        changeAttempt(instance, attempt, { claimedAt: place.storedAt });
        change(instance, () => ({ state: "claimed" }));
        return;
      case "attempt.entered":
        change(instance, () => ({ state: fact.phase }));
        return;
      case "attempt.started":
        changeAttempt(instance, attempt, { startedAt: place.storedAt, container: fact.container });
        change(instance, () => ({ state: "running" }));
        return;
      case "attempt.succeeded":
        changeAttempt(instance, attempt, { endedAt: place.storedAt, end: fact });
        change(instance, () => ({ succeeded: fact }));
        return;
      case "attempt.failed":
        changeAttempt(instance, attempt, { endedAt: place.storedAt, end: fact });
        change(instance, () => ({ error: fact.error }));
        return;
      case "attempt.paused":
        change(instance, () => ({ state: "paused" }));
        return;
      case "attempt.unpaused":
        change(instance, () => ({ state: "running" }));
        return;
      case "attempt.waitingForCredentials":
        change(instance, () => ({ state: "waitingForCredentials", waitingFor: fact.missing }));
        return;
      case "attempt.adopted":
      case "attempt.snapshot":
      case "output.gap":
        return;
      default:
        return fact satisfies never;
    }
  }

  return {
    view,
    freeze: () => ({
      ...view,
      executions: [...executions.values()],
      instances: [...instances.values()],
    }),
    apply(event) {
      view.sequence = event.place.sequence;
      if (moves(event)) view.movedAt = event.place.storedAt;
      switch (event.kind) {
        case "decision":
          applyDecision(event.entry, event.place);
          return;
        case "fact":
          applyFact(event.instance, event.attempt, event.fact, event.place);
          return;
        case "seal":
          changeAttempt(event.instance, event.attempt, {
            endedAt: event.place.storedAt,
            end: { type: "sealed", reason: event.reason },
          });
          return;
        case "note":
          if (event.note.type === "branch.imported") {
            const { instance, ref, commit } = event.note;
            change(instance, () => ({ imported: { ref, commit } }));
          } else if (event.note.type === "branch.refused") {
            const { instance, error } = event.note;
            change(instance, () => ({ importRefused: error }));
          } else if (event.note.type === "best.imported") {
            const { execution, ref, commit } = event.note;
            const row = executions.get(execution);
            if (row) executions.set(execution, { ...row, bestImported: { ref, commit } });
          }
          return;
        case "void":
        case "stale":
        case "unreadable":
          view.stale += 1;
          return;
        default:
          return event satisfies never;
      }
    },
  };
}

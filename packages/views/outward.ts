import type { AttemptPhase, Decision, DecisionOf, Fact, Note } from "@pitaya/protocol";
import { failureOf } from "./earlier-error-type.ts";
import { hasWork, isUncommitted, metricsOf, shortRef } from "./instance-result.ts";
import type { TextSource } from "./log-texts.ts";
import type { OutwardEvent, OutwardOf, OutwardType } from "./outward-event.ts";
import type { LogEvent } from "./run-log.ts";
import { type InstanceView, type RunView, spendOf } from "./run-view.ts";
import { durationSecondsOf } from "./summary.ts";

/** Bytes of a final message that travel in `task.completed`. */
const FINAL_MESSAGE_BYTES = 65_536;

/** Earlier names of what an attempt is busy with. */
const PHASES: Readonly<Record<AttemptPhase, string>> = {
  fetching: "workspace_preparing",
  preparing: "container_creating",
  running: "agent_starting",
  harvesting: "result_collection",
  uploading: "uploading",
};

/** An outward event without what every one has. */
export type OutwardBody = {
  [T in OutwardType]: {
    readonly type: T;
    readonly execution?: string;
    readonly key?: string;
    readonly payload: OutwardOf<T>["payload"];
  };
}[OutwardType];

/** @param id names the place in the log; the same for the same event wherever it is projected */
export function outwardEvent(run: string, id: string, at: number, body: OutwardBody): OutwardEvent {
  const { type, execution, key, payload } = body;
  return {
    v: 1,
    id,
    type,
    ts: new Date(at).toISOString(),
    run_id: run,
    ...(execution === undefined ? {} : { strategy_execution_id: execution }),
    ...(key === undefined ? {} : { key }),
    payload,
  } as OutwardEvent;
}

/**
 * The events the outside sees of one event of the log: mostly one, often none.
 *
 * Pure, so the same log gives the same lines wherever and however often it is projected.
 *
 * @param index of the event among those that its message gave
 * @param view of the run with this event folded in, and nothing after it
 */
export function projectEvent(
  run: string,
  event: LogEvent,
  index: number,
  view: RunView,
  textOf: TextSource,
): readonly OutwardEvent[] {
  const { sequence, storedAt } = event.place;
  return bodiesOf(run, event, view, textOf).map((body, n) =>
    outwardEvent(run, ["e", sequence, ".", index, n === 0 ? "" : `.${n}`].join(""), storedAt, body),
  );
}

function bodiesOf(
  run: string,
  event: LogEvent,
  view: RunView,
  textOf: TextSource,
): readonly OutwardBody[] {
  switch (event.kind) {
    case "decision":
      return ofDecision(run, event.entry, view, textOf);
    case "fact":
      return ofFact(view.instances.get(event.instance), event, event.fact);
    case "seal": {
      const row = view.instances.get(event.instance);
      if (!row || (event.reason !== "lost" && event.reason !== "unclaimed")) return [];
      const { attempt, runner, reason } = event;
      return [taskBody("task.lost", row, { attempt, runner, reason })];
    }
    case "note":
      return ofNote(view, event.note);
    case "stale":
    case "unreadable":
      return [{ type: "log.ignored", payload: { subject: event.subject, reason: event.reason } }];
    case "void":
      return [];
    default:
      return event satisfies never;
  }
}

type TaskType = Extract<OutwardType, `task.${string}`>;

/** A body about one instance: its key and execution stand in the envelope and in the payload. */
export function taskBody<T extends TaskType>(
  type: T,
  row: InstanceView,
  payload: Omit<OutwardOf<T>["payload"], "key" | "instance_id">,
): OutwardBody {
  return {
    type,
    execution: row.execution,
    key: row.key,
    payload: { key: row.key, instance_id: row.instance, ...payload },
  } as OutwardBody;
}

function ofDecision(
  run: string,
  entry: Decision,
  view: RunView,
  textOf: TextSource,
): readonly OutwardBody[] {
  switch (entry.type) {
    case "run.submitted":
      return [runStarted(run, entry, textOf)];
    case "run.stopping": {
      const { mode, by, reason } = entry;
      return [{ type: entry.type, payload: { mode, by, reason } }];
    }
    case "run.interrupted":
      return [{ type: entry.type, payload: { run_id: run, reason: entry.reason } }];
    case "run.resumed": {
      const { by, fresh } = entry;
      return [
        { type: entry.type, payload: { run_id: run, by, fresh } },
        ...openExecutions(view).map((id) => strategyStarted(id, view, true)),
      ];
    }
    case "run.succeeded":
      return [runCompleted(run, view)];
    case "run.failed": {
      const failure = failureOf(entry.error);
      return [{ type: entry.type, payload: { run_id: run, error: failure.message, ...failure } }];
    }
    case "run.cancelled":
      return [
        ...openExecutions(view).map(strategyCancelled),
        { type: entry.type, payload: { run_id: run } },
      ];
    case "strategy.started":
      return [strategyStarted(entry.execution, view, false)];
    case "strategy.completed":
      return [strategyCompleted(entry)];
    case "owner.changed":
    case "strategy.called":
    case "run.finalizing":
      return [];
    default: {
      const row = view.instances.get(entry.instance);
      return row ? ofInstanceDecision(entry, row, view, textOf) : [];
    }
  }
}

function ofInstanceDecision(
  entry: Extract<Decision, { instance: string }>,
  row: InstanceView,
  view: RunView,
  textOf: TextSource,
): readonly OutwardBody[] {
  switch (entry.type) {
    case "instance.scheduled":
      return [
        taskBody("task.scheduled", row, {
          kind: row.kind,
          container_name: null,
          branch_name: row.branch ?? null,
          model: row.model ?? null,
          base_branch: entry.task.base.branch,
          base_commit: row.baseCommit,
          task_fingerprint_hash: row.fingerprint,
        }),
      ];
    case "attempt.placed":
      return [progress(row, entry.attempt, { phase: "placed", activity: `on ${entry.runner}` })];
    case "instance.backingOff":
      return [
        taskBody("task.retrying", row, {
          ...failureOf(entry.error),
          attempt: row.attempts.length,
          delay_seconds: entry.delayMs / 1000,
        }),
      ];
    case "instance.waitingForCredentials":
      return [taskBody("task.waiting", row, { waiting_for: entry.missing })];
    case "instance.queued":
      return [];
    case "instance.succeeded":
      return [taskCompleted(row, textOf)];
    case "instance.failed":
      return [
        taskBody("task.failed", row, {
          ...failureOf(entry.error),
          network_egress: view.spec?.network ?? "online",
          attempt: row.attempts.length,
          metrics: metricsOf(row),
        }),
      ];
    case "instance.cancelled":
      return [taskBody("task.cancelled", row, {})];
    case "instance.interrupted":
      return [taskBody("task.interrupted", row, {})];
    default:
      return entry satisfies never;
  }
}

function ofFact(
  row: InstanceView | undefined,
  place: { readonly attempt: number; readonly runner: string },
  fact: Fact,
): readonly OutwardBody[] {
  if (!row) return [];
  const { attempt, runner } = place;
  switch (fact.type) {
    case "attempt.started":
      return [
        taskBody("task.started", row, {
          container_name: fact.container,
          model: row.model ?? null,
          attempt,
          runner,
        }),
      ];
    case "attempt.entered":
      return [progress(row, attempt, { phase: PHASES[fact.phase] })];
    case "attempt.adopted":
      return [progress(row, attempt, { phase: "adopted", activity: `on ${runner}` })];
    case "output.gap": {
      const lost = fact.toOffset - fact.fromOffset;
      const activity = `${lost} bytes of ${fact.stream} were lost`;
      return [progress(row, attempt, { phase: "output_gap", activity })];
    }
    case "attempt.claimed":
    case "attempt.succeeded":
    case "attempt.failed":
      return [];
    default:
      return fact satisfies never;
  }
}

function ofNote(view: RunView, note: Note): readonly OutwardBody[] {
  if (note.type === "client.attached") return [];
  const row = view.instances.get(note.instance);
  if (!row) return [];
  if (note.type === "branch.refused") {
    const { attempt, error } = note;
    return [taskBody("task.import_refused", row, { ...failureOf(error), attempt })];
  }
  const activity = shortRef(note.ref);
  return [progress(row, note.attempt, { phase: "branch_imported", activity })];
}

type Progress = Omit<OutwardOf<"task.progress">["payload"], "key" | "instance_id" | "attempt">;

export const progress = (row: InstanceView, attempt: number, step: Progress): OutwardBody =>
  taskBody("task.progress", row, { ...step, attempt });

function runStarted(
  run: string,
  { spec }: DecisionOf<"run.submitted">,
  textOf: TextSource,
): OutwardBody {
  return {
    type: "run.started",
    payload: {
      run_id: run,
      strategy: spec.strategy.name,
      params: spec.strategy.params,
      runs: spec.executions,
      prompt: textOf(spec.prompt),
      repo_path: spec.repository.path,
      base_branch: spec.base.branch,
      base_commit: spec.base.commit,
      plugin: spec.agent.plugin,
      model: spec.agent.model ?? null,
    },
  };
}

function runCompleted(run: string, view: RunView): OutwardBody {
  const spend = spendOf(view.instances.values());
  return {
    type: "run.completed",
    payload: {
      run_id: run,
      duration_seconds: durationSecondsOf(view) ?? 0,
      total_cost: spend.costUsd,
      cost_unknown: spend.costUnknown,
      total_tokens: spend.inputTokens + spend.outputTokens,
    },
  };
}

const openExecutions = (view: RunView): readonly string[] =>
  [...view.executions.values()].flatMap((e) => (e.completedAt === undefined ? [e.execution] : []));

function strategyStarted(execution: string, view: RunView, resumed: boolean): OutwardBody {
  const { name = "", params = {} } = view.spec?.strategy ?? {};
  return {
    type: "strategy.started",
    execution,
    payload: { name, params, ...(resumed ? { resumed } : {}) },
  };
}

const strategyCancelled = (execution: string): OutwardBody => ({
  type: "strategy.completed",
  execution,
  payload: { status: "canceled", reason: "operator_interrupt", instances: [] },
});

function strategyCompleted(entry: DecisionOf<"strategy.completed">): OutwardBody {
  const { execution, outcome, error } = entry;
  const reason = error?.message ?? outcome.reason;
  return {
    type: "strategy.completed",
    execution,
    payload: {
      status: outcome.status === "succeeded" ? "success" : "failed",
      ...(reason === undefined ? {} : { reason }),
      instances: outcome.instances,
      ...(outcome.chosen === undefined ? {} : { chosen: outcome.chosen }),
    },
  };
}

function taskCompleted(row: InstanceView, textOf: TextSource): OutwardBody {
  const message = row.succeeded?.finalMessage;
  const whole = message === undefined ? "" : textOf(message);
  const { text, cut } = cutUtf8(whole, FINAL_MESSAGE_BYTES);
  const branch = row.branch ?? null;
  return taskBody("task.completed", row, {
    artifact: {
      type: "branch",
      branch_planned: branch,
      branch_final: hasWork(row) ? branch : null,
      base: row.baseCommit,
      commit: row.succeeded?.work?.commit ?? null,
      has_changes: hasWork(row) || isUncommitted(row),
      uncommitted: isUncommitted(row),
      duplicate_of_branch: null,
      dedupe_reason: null,
    },
    metrics: metricsOf(row),
    final_message: text,
    final_message_truncated: cut,
    final_message_path: cut ? finalMessagePath(row.instance) : null,
  });
}

/** The file a cut final message is kept whole in, under the run's logs. */
export const finalMessagePath = (instance: string): string => `final_messages/${instance}.txt`;

/** The beginning of a text, at most so many bytes of UTF-8, cut between characters. */
export function cutUtf8(
  text: string,
  maxBytes: number,
): { readonly text: string; readonly cut: boolean } {
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength <= maxBytes) return { text, cut: false };
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return { text: new TextDecoder().decode(bytes.subarray(0, end)), cut: true };
}

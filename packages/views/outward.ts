import type { Decision } from "@pitaya/protocol";
import { failureOf } from "./earlier-error-type.ts";
import type { TextSource } from "./log-texts.ts";
import { type OutwardBody, outwardEvent, taskBody } from "./outward-body.ts";
import type { OutwardEvent } from "./outward-event.ts";
import {
  openExecutions,
  runCompleted,
  runStarted,
  strategyCancelled,
  strategyCompleted,
  strategyStarted,
} from "./outward-run.ts";
import { ofFact, ofInstanceDecision, ofNote } from "./outward-tasks.ts";
import type { LogEvent } from "./run-log.ts";
import type { RunView } from "./run-view.ts";

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
    case "timer.set":
    case "timer.fired":
    case "run.finalizing":
      return [];
    default: {
      const row = view.instances.get(entry.instance);
      return row ? ofInstanceDecision(entry, row, view, textOf) : [];
    }
  }
}

import { type Decision, type DecisionOf, instanceId } from "@pitaya/protocol";
import type { LogEvent } from "../run-log.ts";
import { isFinalInstance, isFinalPhase, type RunView } from "../run-view.ts";
import type { Violation } from "./violation.ts";

/** Decisions of an instance's end. */
const ENDS: ReadonlySet<string> = new Set([
  "instance.succeeded",
  "instance.failed",
  "instance.cancelled",
]);

/**
 * Holds each event that counts against what came before it.
 *
 * @param view of the run, without this event
 */
export function* courseCheck(event: LogEvent, view: RunView): Generator<Violation> {
  if (event.kind !== "decision") return;
  const { sequence } = event.place;
  for (const [rule, message] of onDecision(event.entry, view)) yield { rule, sequence, message };
}

type Fault = readonly [rule: "order" | "outcome", message: string];

function* onDecision(entry: Decision, view: RunView): Generator<Fault> {
  if (view.spec === undefined && entry.type !== "run.submitted") {
    yield ["order", `${entry.type} comes before the run was submitted`];
  }
  if (isFinalPhase(view.phase) && entry.type !== "owner.changed") {
    yield ["outcome", `${entry.type} comes after the run had ended: ${view.phase}`];
  }
  switch (entry.type) {
    case "run.submitted":
      if (view.spec !== undefined) yield ["outcome", "the run is submitted a second time"];
      return;
    case "instance.scheduled":
      yield* onScheduled(entry, view);
      return;
    case "strategy.completed":
      yield* onCompleted(entry, view);
      return;
    case "run.succeeded":
    case "run.failed":
      yield* onEnd(entry.type, view);
      return;
    default:
      if ("instance" in entry) yield* onInstance(entry, view);
  }
}

function* onScheduled(entry: DecisionOf<"instance.scheduled">, view: RunView): Generator<Fault> {
  const { instance, execution, key } = entry;
  if (view.instances.has(instance)) yield ["outcome", `${instance} (${key}) is scheduled again`];
  if (view.spec && instanceId(view.spec.run, execution, key) !== instance) {
    yield ["outcome", `${instance} is not the instance of key ${key} in ${execution}`];
  }
}

function* onInstance(
  entry: Extract<Decision, { instance: string; assumes: number }>,
  view: RunView,
): Generator<Fault> {
  const row = view.instances.get(entry.instance);
  if (row === undefined) {
    yield ["order", `${entry.type} is about ${entry.instance}, which was never scheduled`];
    return;
  }
  const name = `${row.key} (${row.instance})`;
  if (isFinalInstance(row.state)) {
    const rule = ENDS.has(entry.type) ? "outcome" : "order";
    yield [rule, `${entry.type} comes after ${name} had ended: ${row.state}`];
  }
  const last = row.attempts.at(-1);
  const open = last && last.end === undefined ? last.attempt : undefined;
  if (entry.type === "attempt.placed") {
    if (open !== undefined) {
      yield ["order", `attempt ${entry.attempt} of ${name} is placed while ${open} has not ended`];
    }
    if (entry.attempt !== (last?.attempt ?? 0) + 1) {
      yield ["order", `attempt ${entry.attempt} of ${name} is placed after ${last?.attempt ?? 0}`];
    }
    return;
  }
  if (ENDS.has(entry.type) && open !== undefined) {
    yield ["order", `${entry.type}: ${name} ends while attempt ${open} has not`];
  }
  if (entry.type === "instance.succeeded") {
    const attempt = row.attempts.find((each) => each.attempt === entry.attempt);
    if (attempt?.end?.type !== "attempt.succeeded") {
      const how = attempt?.end?.type ?? "not over";
      yield ["outcome", `${name} succeeds by attempt ${entry.attempt}, which is ${how}`];
    }
  }
}

function* onCompleted(entry: DecisionOf<"strategy.completed">, view: RunView): Generator<Fault> {
  const { execution, outcome } = entry;
  const row = view.executions.get(execution);
  if (row === undefined) yield ["order", `${execution} completes, which never started`];
  if (row?.outcome) yield ["outcome", `${execution} completes a second time`];
  const named =
    outcome.chosen === undefined ? outcome.instances : [...outcome.instances, outcome.chosen];
  for (const instance of named) {
    const counted = view.instances.get(instance);
    if (counted === undefined || counted.execution !== execution) {
      yield ["outcome", `${execution} ends with ${instance}, which is none of its instances`];
    }
  }
}

function* onEnd(type: string, view: RunView): Generator<Fault> {
  for (const row of view.instances.values()) {
    if (!isFinalInstance(row.state)) {
      yield ["outcome", `${type}: ${row.key} (${row.instance}) is still ${row.state}`];
    }
  }
  for (const { execution, outcome } of view.executions.values()) {
    if (outcome === undefined) yield ["outcome", `${type}: ${execution} has not completed`];
  }
}

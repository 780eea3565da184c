import { type Bus, loadText } from "@pitaya/bus";
import { InstanceId, instanceId, Outcome } from "@pitaya/protocol";
import type { InstanceView } from "@pitaya/views";
import type { InstanceSnapshot } from "./domain/run-actors.ts";
import type { ExecutionProgress } from "./domain/turn.ts";
import type { StrategyRun, TaskOutcome } from "./ports/strategy-code.port.ts";
import type { RunEntry } from "./run-entry.ts";

/** Where the code stands, in the terms of the log: keys become instances. */
export function progressOf(
  { run, actors, scheduled }: Pick<RunEntry, "run" | "actors" | "scheduled">,
  execution: string,
  code: StrategyRun,
): ExecutionProgress {
  const { calls, replaced = [], ended } = code;
  const isScheduled = (key: string) =>
    actors?.instance(instanceId(run, execution, key)) !== undefined;
  let first = scheduled.get(execution) ?? 0;
  for (let next = code.tasks[first]; next && isScheduled(next.key); next = code.tasks[first]) {
    first += 1;
  }
  scheduled.set(execution, first);
  const context = actors?.executions.get(execution)?.context;
  const rest = code.tasks.slice(first);
  // On another path than the first, tasks of before stand between those that are new.
  const tasks = context?.path ? rest.filter(({ key }) => !isScheduled(key)) : rest;
  const setUpTo = context?.lastTimer ?? -1;
  const sleeps = code.sleeps.filter(({ index }) => index > setUpTo);
  if (ended === undefined) return { calls, tasks, replaced, sleeps, ended: undefined };
  const idOf = (key: string) => InstanceId.parse(instanceId(run, execution, key));
  const outcome = Outcome.parse({
    status: ended.status,
    instances: ended.keys.map(idOf),
    ...(ended.reason === undefined ? {} : { reason: ended.reason.slice(0, 2_000) }),
    ...(ended.chosen === undefined ? {} : { chosen: idOf(ended.chosen) }),
    ...(ended.metadata === undefined ? {} : { metadata: ended.metadata }),
  });
  const error = ended.error === undefined ? {} : { error: ended.error };
  const { leftPath = false } = ended;
  return { calls, tasks, replaced, sleeps, leftPath, ended: { outcome, ...error } };
}

/** What a strategy that waits for an instance learns of its end. */
export async function taskOutcome(
  bus: Bus,
  { value, context }: InstanceSnapshot,
  row: InstanceView,
): Promise<TaskOutcome> {
  if (value === "succeeded") {
    const message = row.succeeded?.finalMessage;
    return {
      status: "succeeded",
      branch: row.branch,
      commit: row.succeeded?.work?.commit,
      finalMessage: message && (await loadText(bus, message)),
    };
  }
  const cancelled = { code: "cancelled", message: "it was cancelled", retryable: false } as const;
  if (value === "cancelled") return { status: "cancelled", error: cancelled };
  return { status: "failed", error: context.error ?? cancelled };
}

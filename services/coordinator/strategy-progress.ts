import { type Bus, storeText } from "@pitaya/bus";
import { InstanceId, instanceId, Outcome } from "@pitaya/protocol";
import type { HostedEnd, HostedExecution, HostedTask } from "@pitaya/strategies";
import { refusalOf, storedTask } from "./adapters/task-texts.ts";
import type { ExecutionProgress, PlannedTask } from "./domain/turn.ts";
import type { RunEntry } from "./run-entry.ts";

/**
 * Where the code stands, in the terms of the log: keys become instances, and texts that are too long
 * for a message are in the store.
 */
export async function progressOf(
  bus: Bus,
  entry: Pick<RunEntry, "run" | "actors" | "scheduled" | "texts" | "stored">,
  execution: string,
  code: HostedExecution,
): Promise<ExecutionProgress> {
  const { run, actors, scheduled } = entry;
  const { calls, replaced, ended, tasks: asked } = code;
  const isScheduled = (key: string) =>
    actors?.instance(instanceId(run, execution, key)) !== undefined;
  let first = scheduled.get(execution) ?? 0;
  for (let next = asked[first]; next && isScheduled(next.key); next = asked[first]) first += 1;
  scheduled.set(execution, first);
  const context = actors?.executions.get(execution)?.context;
  // Of code that has failed nothing more is begun.
  const rest = ended?.error ? [] : asked.slice(first);
  // On another path than the first, tasks of before stand between those that are new.
  const fresh = context?.path ? rest.filter(({ key }) => !isScheduled(key)) : rest;
  const tasks: PlannedTask[] = [];
  for (const task of fresh) tasks.push(await planned(bus, entry, task));
  // What code did not wait for nobody waits for.
  const left = () => asked.flatMap(({ key }) => (isScheduled(key) ? [key] : []));
  const cancelled = ended ? left() : code.cancelled;
  const setUpTo = context?.lastTimer ?? -1;
  const sleeps = code.sleeps.filter(({ index }) => index > setUpTo);
  const stand = { calls, tasks, replaced, cancelled, sleeps };
  if (ended === undefined) return { ...stand, ended: undefined };
  const { error, leftPath = false } = ended;
  const outcome = await outcomeOf(bus, run, execution, ended);
  return { ...stand, leftPath, ended: { outcome, ...(error && { error }) } };
}

async function planned(
  bus: Bus,
  { actors, texts, stored }: Pick<RunEntry, "actors" | "texts" | "stored">,
  { key, planned: { kind, fingerprint, draft } }: HostedTask,
): Promise<PlannedTask> {
  const known = stored.get(draft);
  if (known) return known;
  if (actors === undefined) throw new Error(`task ${key} is of a run that was not submitted`);
  const task = await storedTask(bus, actors.spec, texts?.prompt ?? "", draft);
  const refusal = refusalOf(draft, task);
  const ready = { key, kind, fingerprint, task, ...(refusal && { refusal }) };
  stored.set(draft, ready);
  return ready;
}

/** Of all files of an outcome: it stands in one message of the log. */
const INLINE_FILES_BYTES = 16 * 1024;

async function outcomeOf(
  bus: Bus,
  run: string,
  execution: string,
  { outcome }: HostedEnd,
): Promise<Outcome> {
  const { status, reason, chosen, metadata, files } = outcome;
  const idOf = (key: string) => InstanceId.parse(instanceId(run, execution, key));
  const stored = [];
  let roomBytes = INLINE_FILES_BYTES;
  for (const [path, content] of Object.entries(files ?? {})) {
    const text = await storeText(bus, content, roomBytes);
    if ("inline" in text) roomBytes -= Buffer.byteLength(content);
    stored.push({ path, text: "blob" in text ? { ...text, excerpt: "" } : text });
  }
  return Outcome.parse({
    status,
    instances: outcome.tasks.map(idOf),
    ...(reason === undefined ? {} : { reason: reason.slice(0, 2_000) }),
    ...(chosen === undefined ? {} : { chosen: idOf(chosen) }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(stored.length === 0 ? {} : { files: stored }),
  });
}

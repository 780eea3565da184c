import type { Clock } from "@pitaya/actors";
import { type Bus, decode, encode } from "@pitaya/bus";
import {
  buckets,
  CleanCommand,
  errorRecord,
  messageIds,
  ProcessId,
  RunnerInventory,
  subjects,
} from "@pitaya/protocol";
import type { Logger } from "pino";

export interface AskOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly epoch: number;
  readonly remove: boolean;
  /** Names the answers: 16 hex digits. */
  readonly request: string;
  /** A runner that has not answered by then is silent. */
  readonly limitMs: number;
  /** Aborts when this coordinator decides no longer. */
  readonly signal: AbortSignal;
}

/** Has each runner look over its own host. @returns what those found that answered in time */
export async function askRunners(
  runners: readonly string[],
  options: AskOptions,
): Promise<readonly RunnerInventory[]> {
  if (runners.length === 0) return [];
  const { bus, clock, log } = options;
  const over = new AbortController();
  const cancel = clock.setTimer(options.limitMs, () => over.abort());
  const answers = new Map<string, RunnerInventory>();
  try {
    await Promise.all(runners.map((runner) => order(runner, options)));
    const ended = AbortSignal.any([over.signal, options.signal]);
    for await (const change of bus.bucket(buckets.runners).watch(ended)) {
      if (!("value" in change) || !change.key.endsWith(".inventory")) continue;
      const answer = inventoryOf(change.key, change.value, log);
      if (answer?.request !== options.request) continue;
      if (change.key !== `${answer.runner}.inventory`) continue;
      answers.set(answer.runner, answer);
      if (runners.every((runner) => answers.has(runner))) break;
    }
  } finally {
    cancel();
    over.abort();
  }
  return runners.flatMap((runner) => answers.get(runner) ?? []);
}

async function order(
  id: string,
  { bus, clock, epoch, remove, request }: AskOptions,
): Promise<void> {
  const runner = ProcessId.parse(id);
  const command: CleanCommand = {
    v: 1,
    runner,
    epoch,
    at: new Date(clock.now()).toISOString(),
    verb: "clean",
    request,
    remove,
  };
  await bus.commands.publish(subjects.control.of({ runner, verb: "clean" }), {
    id: messageIds.clean(runner, request),
    payload: encode(CleanCommand, command),
  });
}

function inventoryOf(key: string, value: Uint8Array, log: Logger): RunnerInventory | undefined {
  try {
    return decode(RunnerInventory, value, `The runner's inventory ${key}`);
  } catch (error) {
    log.warn({ key, error: errorRecord(error) }, "inventory refused");
    return undefined;
  }
}

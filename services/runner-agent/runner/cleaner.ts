import type { Clock } from "@pitaya/actors";
import { type Bucket, encode } from "@pitaya/bus";
import {
  type CleanCommand,
  MAX_OWNERLESS,
  type Ownerless,
  ProcessId,
  RunnerInventory,
} from "@pitaya/protocol";
import type { Logger } from "pino";
import { pause } from "../adapters/waiting.ts";
import type { RunnerDisk } from "../ports/disk.port.ts";
import type { AttemptName, Executor } from "../ports/executor.port.ts";
import type { Reaper } from "./reaper.ts";

export interface CleanerOptions {
  readonly runner: string;
  readonly executor: Pick<Executor, "leftovers">;
  readonly disk: Pick<RunnerDisk, "leftovers" | "removeLeftover">;
  readonly strangers: Reaper;
  inHand(): readonly AttemptName[];
  readonly bucket: Pick<Bucket, "put">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Between the two looks. */
export const CLEAN_WAIT_MS = 2_000;
const LONGEST_NAME = 300;

/**
 * Looks for what of this runner no attempt in hand owns, twice and some time apart, and with `remove`
 * removes what was there both times. The answer is a key of its own: nobody is answered by a runner
 * that died over it.
 *
 * @returns a function that begins with such a command and returns at once; one is done at a time
 */
export function cleaner(options: CleanerOptions): (command: CleanCommand) => void {
  const { log, signal } = options;
  let last: Promise<void> = Promise.resolve();
  return (command) => {
    last = last
      .then(() => clean(command, options))
      .catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err }, "not looked for what has no owner");
      });
  };
}

async function clean({ request, remove }: CleanCommand, options: CleanerOptions): Promise<void> {
  const { clock, signal, runner } = options;
  const first = new Set((await look(options)).map(nameOf));
  await pause(clock, CLEAN_WAIT_MS, signal);
  if (signal.aborted) return;
  const ownerless = (await look(options)).filter((item) => first.has(nameOf(item)));
  const removed = remove && ownerless.length > 0 ? await removeAll(ownerless, options) : 0;
  options.log.info({ request, remove, count: ownerless.length, removed }, "looked for no owner");
  await options.bucket.put(
    `${runner}.inventory`,
    encode(RunnerInventory, {
      v: 1,
      runner: ProcessId.parse(runner),
      request,
      at: new Date(clock.now()).toISOString(),
      ownerless: ownerless.slice(0, MAX_OWNERLESS),
      count: ownerless.length,
      removed,
    }),
  );
}

const nameOf = ({ kind, name }: Ownerless) => `${kind} ${name}`;

async function look({ executor, disk, inHand }: CleanerOptions): Promise<readonly Ownerless[]> {
  const reason = "no attempt in hand owns it";
  const onEngine = (await executor.leftovers(inHand())).map(({ kind, name }) => ({ kind, name }));
  const onDisk = (await disk.leftovers(inHand())).map(({ kind, path }) => ({ kind, name: path }));
  return [...onEngine, ...onDisk].map(({ kind, name }) => ({
    kind,
    name: name.slice(0, LONGEST_NAME),
    reason: kind === "pack" || kind === "checkout" ? "it is not whole" : reason,
  }));
}

/** @returns how many are gone */
async function removeAll(
  ownerless: readonly Ownerless[],
  options: CleanerOptions,
): Promise<number> {
  const { disk, strangers, inHand } = options;
  await strangers.reap();
  const marked = new Set(ownerless.map(({ name }) => name));
  for (const { path } of await disk.leftovers(inHand())) {
    if (marked.has(path.slice(0, LONGEST_NAME))) await disk.removeLeftover(path);
  }
  const left = new Set((await look(options)).map(nameOf));
  return ownerless.filter((item) => !left.has(nameOf(item))).length;
}

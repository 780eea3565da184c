import type { Clock } from "@pitaya/actors";
import type { Logger } from "pino";
import type { AttemptActor } from "../actors/attempt.actor.ts";
import type { Standing } from "../domain/standing.rules.ts";
import type { AttemptName, Executor } from "../ports/executor.port.ts";
import { attemptKey } from "./attempts.ts";
import { periodically } from "./periodic.ts";

export interface WatchOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly attempts: () => readonly AttemptActor[];
}

const DISK_EVERY_MS = 2_000;

/** Measures what the agents write, all in one call. */
export function watchDisk(executor: Pick<Executor, "diskBytes">, options: WatchOptions): void {
  const { clock, signal, log, attempts } = options;
  const measure = async () => {
    const running = attempts().filter(({ isRunning }) => isRunning);
    if (running.length === 0) return;
    const bytes = await executor.diskBytes(running.map(({ name }) => name));
    for (const [index, attempt] of running.entries()) {
      const used = bytes[index];
      if (used !== undefined) attempt.send({ type: "DISK", bytes: used, atMs: clock.now() });
    }
  };
  periodically(clock, DISK_EVERY_MS, signal, measure, (err) =>
    log.warn({ err }, "disk not measured"),
  );
}

/**
 * Looks for agents that stand still though nobody said so, as when someone else paused them. Told of,
 * they are confirmed and go on.
 */
export function watchPauses(
  executor: Pick<Executor, "list">,
  everyMs: number,
  options: WatchOptions,
): void {
  const { clock, signal, log, attempts } = options;
  const look = async () => {
    if (attempts().length === 0) return;
    const found = await executor.list();
    const standing = new Set(
      found.flatMap(({ name, state }) => (state === "paused" ? [attemptKey(name)] : [])),
    );
    for (const attempt of attempts()) {
      if (!attempt.isAtWork || !standing.has(attemptKey(attempt.name))) continue;
      log.warn({ ...attempt.name }, "an agent stands still that nobody said would");
      attempt.send({ type: "PAUSED", atMs: clock.now() });
    }
  };
  periodically(clock, everyMs, signal, look, (err) => log.warn({ err }, "pauses not looked for"));
}

/**
 * Looks whether attempts were sealed that have nothing to tell just now. A seal stops an agent that
 * is paid for nothing; that nothing of it counts any more, the server sees to by itself.
 */
export function watchSeals(
  standingOf: (name: AttemptName) => Promise<Standing>,
  everyMs: number,
  options: WatchOptions,
): void {
  const { clock, signal, log, attempts } = options;
  const look = async () => {
    for (const attempt of attempts()) {
      const standing = await standingOf(attempt.name);
      if (standing.kind === "sealed") attempt.send({ type: "SEALED" });
      if (standing.kind === "elsewhere") attempt.send({ type: "SUPERSEDED" });
    }
  };
  periodically(clock, everyMs, signal, look, (err) => log.warn({ err }, "seals not looked for"));
}

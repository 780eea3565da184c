import { setTimeout as delay } from "node:timers/promises";
import { PitayaError } from "@pitaya/protocol";
import { launchSupervisor } from "./launch.ts";
import { takeLock } from "./lock.ts";
import { tailOf } from "./log-file.ts";
import { isListening } from "./socket-probe.ts";
import type { StackPaths } from "./stack-paths.ts";
import type { SupervisorArguments } from "./supervisor-process.ts";

export interface BringUp {
  readonly paths: StackPaths;
  readonly entry: string;
  readonly arguments: SupervisorArguments;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: (text: string) => void;
}

/** A command that was stopped in the middle of starting one is not waited for longer than this. */
const STARTER_TIMEOUT_MS = 5_000;
const POLL_MS = 10;

/**
 * Returns when a supervisor listens, or the one that was started has given way to another. Of many
 * commands at once one starts a supervisor and the others wait for it: were all to start one, all but
 * one would end again, but each takes its share of the machine first.
 *
 * @param until on the clock of `performance.now()`; it may also return after that
 * @throws `stack_failed` when the supervisor ends before it listens
 */
export async function bringUp(what: BringUp, until: number): Promise<void> {
  const { paths } = what;
  const waitsUntil = Math.min(until, performance.now() + STARTER_TIMEOUT_MS);
  for (;;) {
    const turn = takeLock(paths.startLock);
    try {
      // Looked at with the turn in hand, since whoever had it before has left one listening.
      if (await isListening(paths.socket)) return;
      if (turn || performance.now() > waitsUntil) return await start(what, until);
    } finally {
      turn?.release();
    }
    await delay(POLL_MS);
  }
}

async function start(what: BringUp, until: number): Promise<void> {
  const { paths } = what;
  what.progress("starting the stack");
  const { log, exited } = launchSupervisor(what.entry, what.arguments, paths.log, what.env);
  let exit: Awaited<typeof exited> | undefined;
  void exited.then((how) => {
    exit = how;
  });
  while (performance.now() < until && !(await isListening(paths.socket))) {
    if (exit?.ok) return;
    if (exit) {
      throw new PitayaError(
        "stack_failed",
        [`the stack's supervisor ended at once: ${exit.how}`, ...tailOf(log)].join("\n  "),
        { hint: `its log is ${paths.log}` },
      );
    }
    await Promise.race([delay(POLL_MS), exited]);
  }
}

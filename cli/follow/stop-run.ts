import type { Clock } from "@pitaya/actors/clock";
import { ask } from "@pitaya/bus";
import { errorRecord, isPitayaError, subjects } from "@pitaya/protocol";
import { askPatiently } from "../connect/ask-patiently.ts";
import type { Connection } from "../connect/connection.port.ts";
import type { Console } from "../console.ts";

/** A coordinator that is just taking over is waited for. */
const STOP_TIMEOUT_MS = 10_000;
const AGAIN_MS = 1_000;

/** Asks for the run to be interrupted. Returns when that is decided; its end comes in the log. */
export async function interruptRun(
  connection: Connection,
  run: string,
  by: string,
  reason: string,
): Promise<void> {
  const subject = subjects.apiRun.of({ run, verb: "stop" });
  const request = { v: 1, mode: "interrupt", by: by.slice(0, 200), reason } as const;
  await askPatiently(STOP_TIMEOUT_MS, (timeoutMs) =>
    ask(connection.bus, "stop", subject, request, timeoutMs),
  );
}

/** A wish that a run be interrupted. */
export interface StopWish {
  /** A coordinator has answered that it stops the run. */
  readonly isHeard: boolean;
  /** Asks until somebody has answered. Never rejects. */
  pursue(): Promise<void>;
}

/**
 * The wish is told again until it is heard, for as long as this command stays: a bus that cannot
 * answer now, for a full disk or for want of a coordinator, often can again later.
 *
 * @param stop asks once, patiently
 * @param signal nobody waits for it any more
 */
export function stopWish(options: {
  readonly run: string;
  readonly stop: () => Promise<void>;
  readonly clock: Pick<Clock, "setTimer">;
  readonly console: Pick<Console, "note" | "problem">;
  readonly signal: AbortSignal;
}): StopWish {
  const { run, stop, clock, console, signal } = options;
  let isHeard = false;
  let tries = 0;

  async function pursue(): Promise<void> {
    while (!isHeard && !signal.aborted) {
      tries += 1;
      try {
        await stop();
        isHeard = true;
        if (tries > 1) await console.note(`${run} is told to stop now`);
      } catch (error) {
        if (signal.aborted) return;
        const { message } = errorRecord(error);
        if (!isUnheard(error)) {
          return console.problem(`the run could not be interrupted: ${message}`);
        }
        if (tries === 1) {
          await console.problem(
            `the run could not be told to stop yet: ${message} It is asked again until it answers (Ctrl-C again leaves the run as it is)`,
          );
        }
        await new Promise<void>((resolve) => clock.setTimer(AGAIN_MS, resolve));
      }
    }
  }
  return {
    get isHeard() {
      return isHeard;
    },
    pursue,
  };
}

const isUnheard = (error: unknown): boolean =>
  isPitayaError(error, "bus_unavailable") || isPitayaError(error, "no_coordinator");

/** What is said when this command leaves before the run has ended. */
export function lastWords(run: string, isHeard: boolean, embedded: boolean): string {
  if (isHeard) {
    return `left ${run} while it is being interrupted; \`pitaya show ${run}\` tells when its containers are gone`;
  }
  const later = embedded
    ? "`pitaya down` interrupts it, with all else that runs in the embedded stack"
    : `\`pitaya attach ${run}\` shows whether it goes on`;
  return `left ${run}, which has NOT answered that it was told to stop and may go on; ${later}`;
}

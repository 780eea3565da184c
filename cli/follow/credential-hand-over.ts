import { type Clock, systemClock } from "@pitaya/actors/clock";
import { ask, type Sealer } from "@pitaya/bus";
import { buckets, isPitayaError, subjects } from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import { type Credentials, sealForCoordinators } from "../submit/sealed-credentials.ts";

const ASK_TIMEOUT_MS = 10_000;

/** One that has just begun to decide does not answer yet. */
const AGAIN_MS = 500;
/** Tries in vain before the user is told of it. */
const QUIET_TRIES = 10;

/**
 * Hands the run's credentials to the coordinators that are there, to every one that comes, and again
 * when another one decides, as long as this command is attached: whoever decides must not have to
 * wait for them. A coordinator that only stands by is given its share by the one that decides, so one
 * that took over before it was given it has none. Ends when `signal` aborts.
 *
 * @param onProblem told when they could not be handed over; where that may pass, it is tried again
 * @param onOwner called once, with what to call whenever the log tells of another that decides
 */
export async function handOverCredentials(options: {
  readonly connection: Connection;
  readonly sealer: Sealer;
  readonly run: string;
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
  readonly onProblem: (error: unknown) => void;
  readonly onOwner?: (handOverAgain: () => void) => void;
  readonly clock?: Clock;
}): Promise<void> {
  const { connection, sealer, run, credentials, signal, onProblem, onOwner } = options;
  const { clock = systemClock } = options;
  if (Object.keys(credentials).length === 0) return;
  const subject = subjects.apiRun.of({ run, verb: "secrets" });

  let cancelAgain: () => void = () => undefined;
  signal.addEventListener("abort", () => cancelAgain(), { once: true });

  async function handOver(tries = 1): Promise<void> {
    cancelAgain();
    try {
      const secrets = await sealForCoordinators(connection.bus, sealer, run, credentials);
      if (secrets.length === 0) return;
      await ask(connection.bus, "secrets", subject, { v: 1, secrets }, ASK_TIMEOUT_MS);
    } catch (error) {
      if (signal.aborted) return;
      const mayPass = isPitayaError(error) && error.retryable;
      if (!mayPass || tries === QUIET_TRIES) onProblem(error);
      if (mayPass) cancelAgain = clock.setTimer(AGAIN_MS, () => void handOver(tries + 1));
    }
  }

  onOwner?.(() => void handOver());
  const known = new Map<string, string>();
  while (!signal.aborted) {
    const { bus, moved } = connection;
    const until = AbortSignal.any([signal, moved]);
    let initialised = false;
    for await (const change of bus.bucket(buckets.coordinators).watch(until)) {
      if ("initialised" in change) {
        initialised = true;
        await handOver();
        continue;
      }
      if ("gone" in change) known.delete(change.key);
      else {
        // It announces itself again and again; only another key is another coordinator.
        const announced = Buffer.from(change.value).toString();
        const isNew = known.get(change.key) !== announced;
        known.set(change.key, announced);
        if (initialised && isNew) await handOver();
      }
    }
    if (!signal.aborted) await connection.settled();
  }
}

import { ask, type Sealer } from "@pitaya/bus";
import { buckets, subjects } from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import { type Credentials, sealForCoordinators } from "../submit/sealed-credentials.ts";

const ASK_TIMEOUT_MS = 10_000;

/**
 * Hands the run's credentials to the coordinators that are there, and to every one that comes, as
 * long as this command is attached: whoever decides next must not have to wait for them. Ends when
 * `signal` aborts.
 *
 * @param onProblem told when a coordinator could not be given them; the next change tries again
 */
export async function handOverCredentials(options: {
  readonly connection: Connection;
  readonly sealer: Sealer;
  readonly run: string;
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
  readonly onProblem: (error: unknown) => void;
}): Promise<void> {
  const { connection, sealer, run, credentials, signal, onProblem } = options;
  if (Object.keys(credentials).length === 0) return;
  const subject = subjects.apiRun.of({ run, verb: "secrets" });

  async function handOver(): Promise<void> {
    try {
      const secrets = await sealForCoordinators(connection.bus, sealer, run, credentials);
      if (secrets.length === 0) return;
      await ask(connection.bus, "secrets", subject, { v: 1, secrets }, ASK_TIMEOUT_MS);
    } catch (error) {
      if (!signal.aborted) onProblem(error);
    }
  }

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

import { ask, type Sealer } from "@pitaya/bus";
import { isPitayaError, type RunSpec, subjects } from "@pitaya/protocol";
import { askPatiently } from "../connect/ask-patiently.ts";
import type { Connection } from "../connect/connection.port.ts";
import { type Credentials, sealForCoordinators } from "./sealed-credentials.ts";

/** A coordinator may be starting, or another taking over. */
const SUBMIT_TIMEOUT_MS = 60_000;

const SUBMIT = subjects.api.of({ verb: "submit" });

/** Uploads after the store turned out not to hold what was thought. */
const MOST_UPLOADS = 3;

/**
 * Submits a run and returns once it is stored. The same id is used for every try, so that a try whose
 * answer was lost makes no second run.
 *
 * @param specOf makes the run's spec; asked again, with `again` set, when the store lacks a bundle
 * @throws {PitayaError} `no_coordinator`, `bus_unavailable`, and what the coordinator refuses with
 */
export async function submit(
  connection: Connection,
  sealer: Sealer,
  credentials: Credentials,
  specOf: (again: boolean) => Promise<RunSpec>,
): Promise<RunSpec> {
  for (let upload = 1; ; upload++) {
    const spec = await specOf(upload > 1);
    try {
      await askPatiently(SUBMIT_TIMEOUT_MS, async (timeoutMs) => {
        const { bus } = connection;
        const secrets = await sealForCoordinators(bus, sealer, spec.run, credentials);
        await ask(bus, "submit", SUBMIT, { v: 1, spec, secrets }, timeoutMs);
      });
      return spec;
    } catch (error) {
      if (!isPitayaError(error, "blob_missing") || upload === MOST_UPLOADS) throw error;
    }
  }
}

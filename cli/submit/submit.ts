import { ask, type Sealer } from "@pitaya/bus";
import { isPitayaError, type RunSpec, subjects } from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import { type Credentials, sealForCoordinators } from "./sealed-credentials.ts";

/** A coordinator may be starting, or another taking over. */
const SUBMIT_TIMEOUT_MS = 60_000;

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
      const secrets = await sealForCoordinators(connection.bus, sealer, spec.run, credentials);
      const subject = subjects.api.of({ verb: "submit" });
      await ask(connection.bus, "submit", subject, { v: 1, spec, secrets }, SUBMIT_TIMEOUT_MS);
      return spec;
    } catch (error) {
      if (!isPitayaError(error, "blob_missing") || upload === MOST_UPLOADS) throw error;
    }
  }
}

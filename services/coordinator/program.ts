import { natsBus, provision, readCredential } from "@pitaya/bus";
import { errorRecord, PitayaError } from "@pitaya/protocol";
import type { Strategy } from "@pitaya/strategies";
import pino from "pino";
import { z } from "zod";
import { start } from "./index.ts";
import { VERSION } from "./version.ts";

const milliseconds = z.coerce.number().int().positive();

/** The coordinator's whole environment. Keys of the configuration, levels by two underscores. */
const Environment = z.object({
  PITAYA_NATS_URL: z.url(),
  /** File with its credential; its id is the coordinator's. */
  PITAYA_NATS__CREDS: z.string().min(1),
  /** Credential of the role admin; with it the streams are made or brought up to date at start. */
  PITAYA_NATS__ADMIN_CREDS: z.string().min(1).optional(),
  PITAYA_NATS__REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  PITAYA_LEASE__COORDINATOR_MS: milliseconds.default(5_000),
  PITAYA_LEASE__RUNNER_MS: milliseconds.default(5_000),
  PITAYA_COORDINATOR__ALLOW_CUSTOM_CODE: z.stringbool().default(true),
  PITAYA_LOGGING__LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
});

async function serve(strategies: readonly Strategy[]): Promise<void> {
  const env = Environment.parse(process.env);
  const log = pino({ level: env.PITAYA_LOGGING__LEVEL, base: { service: "coordinator" } });
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stopping.abort(signal));
  }
  const user = await readCredential(env.PITAYA_NATS__CREDS);
  const link = { servers: env.PITAYA_NATS_URL, name: user.id, user };
  if (env.PITAYA_NATS__ADMIN_CREDS !== undefined) {
    const admin = await readCredential(env.PITAYA_NATS__ADMIN_CREDS);
    const replicas = env.PITAYA_NATS__REPLICAS;
    await provision({ servers: env.PITAYA_NATS_URL, name: admin.id, user: admin, replicas });
  }
  const bus = await natsBus({
    ...link,
    log: (level, message, fields) => log[level](fields, message),
  });
  const coordinator = start({
    bus,
    id: user.id,
    version: VERSION,
    log,
    strategies,
    allowCustomCode: env.PITAYA_COORDINATOR__ALLOW_CUSTOM_CODE,
    leaseMs: env.PITAYA_LEASE__COORDINATOR_MS,
    runnerLeaseMs: env.PITAYA_LEASE__RUNNER_MS,
  });
  log.info({ id: user.id }, "coordinator stands by");
  const stopped = new Promise<"stopped">((done) => {
    if (stopping.signal.aborted) done("stopped");
    stopping.signal.addEventListener("abort", () => done("stopped"));
  });
  const superseded = coordinator.superseded.then(() => "superseded" as const);
  if ((await Promise.race([stopped, superseded])) === "superseded") {
    throw new PitayaError(
      "stale_epoch",
      `another coordinator runs as ${user.id}, and this one ends`,
      {
        hint: "Each coordinator needs a credential, and so a name, of its own.",
      },
    );
  }
  await coordinator.stop();
  await bus.close();
  log.info({ reason: stopping.signal.reason }, "coordinator stopped");
}

/**
 * The coordinator as a program, until a signal asks it to end.
 *
 * @param strategies beside those Pitaya ships
 */
export async function coordinatorProgram(strategies: readonly Strategy[] = []): Promise<void> {
  try {
    await serve(strategies);
  } catch (error) {
    const { code, message, hint } = errorRecord(error);
    process.stderr.write(`pitaya coordinator: ${message} (${code})${hint ? `\n  ${hint}` : ""}\n`);
    // What had begun, such as the connection to the bus, would keep a program that failed alive.
    process.exit(1);
  }
}

import { fileURLToPath } from "node:url";
import { natsBus, readCredential } from "@pitaya/bus";
import { isPitayaError } from "@pitaya/protocol";
import pino from "pino";
import { environment } from "./environment.ts";
import { start } from "./index.ts";

const config = environment(process.env);
const log = pino({ level: config.logLevel, base: null });

/** Bundled, programs lie side by side. */
const warden = import.meta.url.endsWith(".ts") ? "./warden/main.ts" : "./warden.mjs";

async function main(): Promise<void> {
  const { credentials } = config;
  const credential = credentials === undefined ? undefined : await readCredential(credentials);
  const user = credential && { id: credential.id, seed: credential.seed };
  const runner = credential?.id ?? config.runner;
  const bus = await natsBus({
    servers: config.servers,
    name: runner,
    ...(user && { user }),
    log: (level, message, fields) => log[level](fields, message),
  });
  const agent = await start({
    ...config.options,
    bus,
    servers: config.servers,
    runner,
    log: log.child({ runner }),
    warden: {
      program: fileURLToPath(new URL(warden, import.meta.url)),
      connection: { servers: [...config.servers], runner, ...(user && { user }) },
    },
  });

  const signalled = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  const superseded = agent.superseded.then(() => {
    process.exitCode = 1;
  });
  await Promise.race([signalled, superseded]);
  await agent.stop("leave");
  await bus.close();
}

main().catch((err: unknown) => {
  const hint = isPitayaError(err) ? err.hint : undefined;
  log.fatal({ err, hint }, "runner-agent not started");
  process.exitCode = 1;
});

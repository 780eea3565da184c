import { fileURLToPath } from "node:url";
import { natsBus, readCredential } from "@pitaya/bus";
import { errorRecord } from "@pitaya/protocol";
import pino from "pino";
import { environment } from "./environment.ts";
import { start } from "./index.ts";

/** Bundled, programs lie side by side. */
const warden = import.meta.url.endsWith(".ts") ? "./warden/main.ts" : "./warden.mjs";

async function main(): Promise<void> {
  const { servers, credentials, level, options } = environment(process.env);
  const stopping = Promise.withResolvers<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stopping.resolve(signal));
  }
  const { id, seed } = await readCredential(credentials);
  const user = { id, seed };
  const log = pino({ level, base: { service: "runner-agent", runner: id } });
  const bus = await natsBus({
    servers,
    name: id,
    user,
    log: (level, message, fields) => log[level](fields, message),
  });
  const program = fileURLToPath(new URL(warden, import.meta.url));
  const agent = await start({
    ...options,
    bus,
    servers,
    runner: id,
    log,
    warden: {
      program,
      connection: {
        servers: [...servers],
        runner: id,
        user,
        ...(options.engine !== undefined && { engine: options.engine }),
      },
    },
  });
  const superseded = agent.superseded.then(() => {
    process.exitCode = 1;
    return "superseded";
  });
  const reason = await Promise.race([stopping.promise, superseded]);
  await agent.stop("leave");
  await bus.close();
  log.info({ reason }, "runner-agent stopped");
}

try {
  await main();
} catch (error) {
  const { code, message, hint } = errorRecord(error);
  process.stderr.write(`pitaya runner-agent: ${message} (${code})${hint ? `\n  ${hint}` : ""}\n`);
  // What had begun, such as the connection to the bus, would keep a program that failed alive.
  process.exit(1);
}

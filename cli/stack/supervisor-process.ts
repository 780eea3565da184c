import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type Logger, pino } from "pino";
import { z } from "zod";
import { type Lock, takeLock } from "./lock.ts";
import { makePrivateDirectory } from "./private-files.ts";
import { startStack } from "./running-stack.ts";
import type { StackServices } from "./services.port.ts";
import { isListening } from "./socket-probe.ts";
import { type StackPaths, stackPaths } from "./stack-paths.ts";
import { supervise } from "./supervisor.ts";
import { writeSupervisorRecord } from "./supervisor-record.ts";

/** What the command that starts a supervisor tells it, as JSON in its one argument. */
export const SupervisorArguments = z.object({
  directory: z.string(),
  engine: z.string(),
  version: z.string(),
  build: z.string(),
  idleMs: z.int().positive(),
});
export type SupervisorArguments = z.infer<typeof SupervisorArguments>;

/** A predecessor that is closing is waited for this long. */
const LOCK_TIMEOUT_MS = 150_000;

/**
 * The life of a supervisor's process. Where another supervisor is already there it ends at once, and
 * says nothing: whoever started it connects to that one.
 */
export async function superviseFromArguments(
  loadServices: () => Promise<StackServices>,
): Promise<void> {
  process.umask(0o077);
  const { directory, engine, idleMs, ...program } = SupervisorArguments.parse(
    JSON.parse(process.argv[2] ?? ""),
  );
  const paths = stackPaths(directory, process.env);
  const log = openLogger();
  const lock = await waitForLock(paths, log);
  if (!lock) return;
  try {
    if (paths.socketDirectory) makePrivateDirectory(paths.socketDirectory, "s");
    writeSupervisorRecord(paths.record, paths.socket);
    const start = (progress: (text: string) => void) =>
      startStack(
        { paths, env: process.env, version: program.version, loadServices, log },
        progress,
      );
    const supervisor = await supervise({
      socket: paths.socket,
      engine,
      program,
      idleMs,
      log,
      start,
    });
    process.on("SIGTERM", () => supervisor.end("down"));
    process.on("SIGINT", () => supervisor.end("down"));
    // The terminal it was started from is not its own.
    process.on("SIGHUP", () => {});
    await supervisor.ended;
  } finally {
    rmSync(paths.record, { force: true });
    if (paths.socketDirectory)
      rmSync(paths.socketDirectory, { recursive: true, force: true, maxRetries: 5 });
    lock.release();
  }
  process.exit(0);
}

function openLogger(): Logger {
  const destination = pino.destination({ dest: 2, sync: true });
  // A full disk is no reason to end.
  destination.on("error", () => {});
  return pino({ base: { pid: process.pid } }, destination);
}

async function waitForLock(paths: StackPaths, log: Logger): Promise<Lock | undefined> {
  const until = performance.now() + LOCK_TIMEOUT_MS;
  for (let tries = 0; ; tries++) {
    const lock = takeLock(paths.lock);
    if (lock) return lock;
    if (performance.now() > until || (await isListening(paths.socket))) return undefined;
    if (tries === 0) log.info("waiting for the last stack to let go of its lock");
    await delay(25);
  }
}

import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { basename, dirname, join } from "node:path";
import { type OpenLog, openLog } from "./log-file.ts";
import { supervisorEnvironment } from "./supervisor-environment.rules.ts";
import type { SupervisorArguments } from "./supervisor-process.ts";

export interface Launch {
  readonly log: OpenLog;
  /** Resolves with how it ended, should it end while this process lives. */
  readonly exited: Promise<{ readonly ok: boolean; readonly how: string }>;
}

/**
 * Starts a supervisor that outlives this process, its terminal and its working directory.
 *
 * @param entry the module it begins with
 */
export function launchSupervisor(
  entry: string,
  args: SupervisorArguments,
  logPath: string,
  env: NodeJS.ProcessEnv,
): Launch {
  const log = openLog(logPath);
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", entry, JSON.stringify(args), ...compileCache()],
    {
      detached: true,
      cwd: "/",
      env: supervisorEnvironment(env),
      stdio: ["ignore", log.fd, log.fd],
    },
  );
  closeSync(log.fd);
  child.unref();
  const exited = new Promise<Awaited<Launch["exited"]>>((resolve) => {
    child.once("error", (error) => resolve({ ok: false, how: error.message }));
    child.once("exit", (code, signal) =>
      resolve({ ok: code === 0, how: signal ? `killed by ${signal}` : `exit code ${code}` }),
    );
  });
  return { log, exited };
}

/** The cache of this process, where it has one. Node adds a directory of its own for its version. */
function compileCache(): string[] {
  const directory = getCompileCacheDir();
  return directory ? [dirname(directory)] : [];
}

/** Beside this file, or, bundled, beside the other programs of the bundle. */
export function supervisorEntry(): string {
  const here = import.meta.dirname;
  if (import.meta.filename.endsWith(".ts")) return join(here, "main.ts");
  const bundle = basename(here) === "chunks" ? dirname(here) : here;
  return join(bundle, "supervisor.mjs");
}

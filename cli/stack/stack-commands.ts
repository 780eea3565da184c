import { setTimeout as delay } from "node:timers/promises";
import { connectStack, type StackOptions, WELCOME_TIMEOUT_MS } from "./connect.ts";
import { hello, type StackStatus } from "./messages.ts";
import { hasLeftServer } from "./nats-process.ts";
import { processTable } from "./processes.ts";
import { programVersion } from "./program-version.ts";
import { openLine, type StackLine } from "./stack-line.ts";
import { locateStack } from "./stack-location.ts";
import { livingSupervisor } from "./supervisor-record.ts";

/** `pitaya up`: starts the stack where it does not run. It still ends by itself after the idle time. */
export async function stackUp(options: StackOptions): Promise<StackStatus> {
  const connection = await connectStack(options);
  const status = await connection.status();
  connection.close();
  return status;
}

export type StackReport =
  | { readonly state: "running"; readonly stack: StackStatus; readonly stateDirectory: string }
  | { readonly state: "stopped"; readonly stateDirectory: string };

/** `pitaya status`: looks, and starts nothing. */
export async function stackStatus(options: StackOptions): Promise<StackReport> {
  const { stateDirectory } = locateStack(options.env, options.stateDirectory);
  const line = await lineToStack(options);
  line?.close();
  return line
    ? { state: "running", stack: line.status, stateDirectory }
    : { state: "stopped", stateDirectory };
}

export interface DownOptions extends StackOptions {
  /** Waits until no run is live, however long that takes. */
  readonly whenIdle: boolean;
}

export interface DownReport {
  readonly state: "stopped" | "not-running";
  /** Runs that were live: their containers are stopped, `pitaya resume` goes on with them. */
  readonly interrupted: readonly string[];
}

/**
 * `pitaya down`: ends the stack, and returns when it is gone. What runs in it is interrupted first,
 * unless `whenIdle` is set. A stack whose supervisor was killed is started once more for that: only a
 * whole one can interrupt its runs and stop their containers.
 *
 * @throws as {@link connectStack} where such a stack cannot be started
 */
export async function stackDown(options: DownOptions): Promise<DownReport> {
  const { paths } = locateStack(options.env, options.stateDirectory);
  let line = await lineToStack(options);
  if (!line && hasLeftServer(paths)) {
    options.onProgress?.("the stack was killed; starting it once more to end it in order");
    (await connectStack(options)).close();
    line = await lineToStack(options);
  }
  if (!line) return { state: "not-running", interrupted: [] };
  const { pid, liveRuns } = line.status;
  if (options.whenIdle && liveRuns > 0) {
    options.onProgress?.(`waiting until no run is live (now: ${liveRuns})`);
  }
  // Rejected where it is closing already: its end is waited for all the same.
  await Promise.allSettled([
    line.ask({ verb: "down", mode: options.whenIdle ? "when-idle" : "now" }),
  ]);
  const { interrupted } = await line.ended;
  await gone(pid);
  return { state: "stopped", interrupted };
}

async function lineToStack(options: StackOptions): Promise<StackLine | undefined> {
  const { engine, paths } = locateStack(options.env, options.stateDirectory);
  const socket = livingSupervisor(paths.record)?.socket ?? paths.socket;
  const greeting = hello(options.program ?? programVersion(), engine);
  return openLine(socket, greeting, options.onProgress ?? (() => {}), WELCOME_TIMEOUT_MS);
}

/** Its last act is to end its connections. */
async function gone(pid: number): Promise<void> {
  const table = processTable();
  const until = performance.now() + 5_000;
  while (table.find(pid) && performance.now() < until) await delay(5);
}

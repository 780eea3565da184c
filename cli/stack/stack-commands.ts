import { setTimeout as delay } from "node:timers/promises";
import { isPitayaError } from "@pitaya/protocol";
import { connectStack, PATIENCE_MS, type StackOptions } from "./connect.ts";
import { greetStack } from "./greet.ts";
import type { StackStatus } from "./messages.ts";
import { hasLeftServer } from "./nats-process.ts";
import { endProcess, processTable } from "./processes.ts";
import { programVersion } from "./program-version.ts";
import type { StackLine } from "./stack-line.ts";
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
  const line = await greet(options);
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
 * whole one can interrupt its runs and stop their containers. A supervisor that does not answer, or
 * not so that this version understands it, is asked by signal, and killed if that does not help.
 *
 * @throws as {@link connectStack} where such a stack cannot be started
 */
export async function stackDown(options: DownOptions): Promise<DownReport> {
  const { paths } = locateStack(options.env, options.stateDirectory);
  let line = await greetOrEnd(options);
  if (!line && hasLeftServer(paths)) {
    options.onProgress?.("the stack was killed; starting it once more to end it in order");
    (await connectStack(options)).close();
    line = await greet(options);
  }
  if (!line) return { state: "not-running", interrupted: [] };
  const { pid } = line.status;
  const mode = options.whenIdle ? "when-idle" : "now";
  const [asked] = await Promise.allSettled([line.ask({ verb: "down", mode })]);
  // Refused where it is closing already: its end is waited for all the same.
  if (asked.status === "fulfilled" && options.whenIdle) {
    const { liveRuns, submitting } = asked.value;
    const busy = liveRuns + submitting > 0;
    if (busy) options.onProgress?.(`waiting (live runs: ${liveRuns}, submits: ${submitting})`);
  }
  const { interrupted } = await line.ended;
  await gone(pid);
  return { state: "stopped", interrupted };
}

function greet(options: StackOptions): Promise<StackLine | undefined> {
  const location = locateStack(options.env, options.stateDirectory);
  const own = options.program ?? programVersion();
  const progress = options.onProgress ?? (() => {});
  return greetStack(location, own, progress, options.patienceMs ?? PATIENCE_MS);
}

async function greetOrEnd(options: StackOptions): Promise<StackLine | undefined> {
  try {
    return await greet(options);
  } catch (error) {
    const { paths } = locateStack(options.env, options.stateDirectory);
    const holder = livingSupervisor(paths.record);
    if (!holder) throw error;
    options.onProgress?.(error instanceof Error ? error.message : String(error));
    // One of another version needs its time to interrupt runs; one that hangs does not hear it.
    const askedMs = isPitayaError(error, "version_skew")
      ? 120_000
      : (options.patienceMs ?? PATIENCE_MS);
    await endProcess(processTable(), holder.process, { askedMs, killedMs: 5_000 });
    return undefined;
  }
}

/** Its last act is to end its connections. */
async function gone(pid: number): Promise<void> {
  const table = processTable();
  const until = performance.now() + 5_000;
  while (table.find(pid) && performance.now() < until) await delay(5);
}

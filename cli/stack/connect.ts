import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { PitayaError } from "@pitaya/protocol";
import { bringUp } from "./bring-up.ts";
import { type StackConnection, stackConnection } from "./connection.ts";
import { greetStack } from "./greet.ts";
import { supervisorEntry } from "./launch.ts";
import { tailOf } from "./log-file.ts";
import { type Meeting, meet } from "./meeting.rules.ts";
import type { BusAccess, ProgramVersion, StackStatus } from "./messages.ts";
import { programVersion } from "./program-version.ts";
import type { LineEnd, StackLine } from "./stack-line.ts";
import { locateStack } from "./stack-location.ts";
import { livingSupervisor } from "./supervisor-record.ts";

export interface StackOptions {
  readonly env: NodeJS.ProcessEnv;
  /** `--state-dir` */
  readonly stateDirectory?: string;
  /** Told each step, for a person who waits. */
  readonly onProgress?: (text: string) => void;
  /** Told of what a person should know and may act on, though it works. */
  readonly onNotice?: (text: string) => void;
  /** @default 120000 */
  readonly timeoutMs?: number;
  /** How long a supervisor may take to answer a greeting. @default 10000 */
  readonly patienceMs?: number;
  /** @default this program's own */
  readonly program?: ProgramVersion;
  /** Module that a supervisor begins with. @default that of this program */
  readonly entry?: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;
export const PATIENCE_MS = 10_000;
const DEFAULT_IDLE_MS = 600_000;
/** Longer timers fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How often a supervisor may die while it starts before that is taken for its answer. */
const MAX_CRASHES = 3;

/**
 * Connects to the stack of this user and engine, and starts it where it does not run. Any number of
 * commands at once get the same one; a command that meets one that is closing gets the next.
 *
 * @throws `stack_failed`, `version_skew`, `server_missing`, `server_too_old`, and what keeps the
 *   services from starting, such as `engine_unavailable`
 */
export async function connectStack(options: StackOptions): Promise<StackConnection> {
  const own = options.program ?? programVersion();
  const location = locateStack(options.env, options.stateDirectory);
  const { engine, paths } = location;
  const progress = options.onProgress ?? (() => {});
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const until = performance.now() + timeoutMs;
  const log = { path: paths.log, fromByte: sizeOf(paths.log) };
  const toBringUp = {
    paths,
    entry: options.entry ?? supervisorEntry(),
    arguments: { directory: paths.directory, engine, ...own, idleMs: idleMs(options.env) },
    env: options.env,
    progress,
  };

  let crashes = 0;
  let waited = false;
  while (performance.now() < until) {
    const line = await greetStack(location, own, progress, options.patienceMs ?? PATIENCE_MS);
    if (!line) {
      await bringUp(toBringUp, until);
      waited = true;
      continue;
    }
    const meeting = meet(own, engine, line.status, waited);
    const found = await settle(line, meeting, engine, options, until).catch((error: unknown) => {
      line.close();
      throw error;
    });
    if (found === "crashed" && ++crashes >= MAX_CRASHES) {
      const lines = ["the stack's supervisor dies while it starts", ...tailOf(log)];
      throw new PitayaError("stack_failed", lines.join("\n  "), {
        hint: `its log is ${paths.log}`,
      });
    }
    if (typeof found === "object") {
      return stackConnection(line, found, () => connectStack(options));
    }
    line.close();
  }
  const holder = livingSupervisor(paths.record);
  throw new PitayaError(
    "stack_failed",
    `the stack was not ready after ${timeoutMs / 1_000} s${holder ? `; its supervisor is process ${holder.process.pid}` : ""}`,
    { hint: `its log is ${paths.log}` },
  );
}

/** Comes to terms with the stack at the other end of a line. */
async function settle(
  line: StackLine,
  meeting: Meeting,
  engine: string,
  options: StackOptions,
  until: number,
): Promise<BusAccess | "again" | "crashed"> {
  if (meeting === "refuse") throw misfit(line.status, engine);
  if (meeting === "wait") {
    options.onProgress?.("waiting for the last stack to close");
    await before(until, line.ended);
    return "again";
  }
  if (meeting === "replace") {
    options.onProgress?.(`replacing the idle stack of another build (${line.status.version})`);
    const [asked] = await Promise.allSettled([line.ask({ verb: "down", mode: "replace" })]);
    // Refused: it has come into use meanwhile, and is met anew.
    if (asked.status === "fulfilled") await before(until, line.ended);
    return "again";
  }
  const [visit] = await Promise.allSettled([line.ask({ verb: "visit", visit: "submit" })]);
  // It has begun to close since it was met.
  if (visit.status === "rejected") return "again";
  const ready = await before(until, line.ready);
  if (ready === undefined) return "again";
  if (!("url" in ready)) return endedEarly(line, ready, until);
  if (meeting === "use-other") options.onNotice?.(otherBuild(line.status));
  if (line.status.trouble !== undefined) options.onNotice?.(line.status.trouble);
  return ready;
}

async function endedEarly(line: StackLine, end: LineEnd, until: number) {
  if (end.reason === "lost") return "crashed";
  await before(until, line.ended);
  return "again";
}

async function before<T>(until: number, work: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController();
  const waitMs = Math.max(0, until - performance.now());
  const late = delay(waitMs, undefined, { signal: timer.signal });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    await Promise.allSettled([late]);
  }
}

function idleMs(env: NodeJS.ProcessEnv): number {
  const text = env["PITAYA_IDLE_MS"];
  if (!text) return DEFAULT_IDLE_MS;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= MAX_TIMER_MS) return value;
  throw new PitayaError(
    "usage",
    `PITAYA_IDLE_MS is ${text}; expected milliseconds from 1 to ${MAX_TIMER_MS}`,
  );
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

const otherBuild = ({ version, build }: StackStatus) =>
  `the running stack is of another build (${version}, ${build}) and in use; "pitaya down --when-idle" ends it when its runs are done`;

function misfit(status: StackStatus, engine: string): PitayaError {
  if (status.engine !== engine) {
    return new PitayaError(
      "stack_failed",
      `the stack in this state directory serves the engine ${status.engine}, not ${engine}`,
      { retryable: false, hint: 'end it with "pitaya down", or name another --state-dir' },
    );
  }
  return new PitayaError(
    "version_skew",
    `the running stack is of version ${status.version}, which this one cannot use, and is in use (live runs: ${status.liveRuns})`,
    { hint: '"pitaya down --when-idle" ends it when its runs are done; "pitaya down" ends it now' },
  );
}

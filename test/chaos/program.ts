import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";

/** One of our programs, which can be killed and started again. */
export interface Program {
  readonly name: string;
  /** Of the process that was started last. */
  readonly pid: number;
  readonly isRunning: boolean;
  start(): void;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process that was started last has ended. */
  ended(): Promise<string>;
  /** Its direct children whose command line names this. */
  children(naming: string): readonly number[];
  /** SIGTERM, and SIGKILL to what does not follow. @returns how it ended */
  stop(): Promise<string>;
}

export interface ProgramOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Stdout and stderr of every start, one after the other. */
  readonly logFile: string;
}

const STOP_MS = 20_000;

export function program(options: ProgramOptions): Program {
  let child: ChildProcess | undefined;
  let ended: Promise<string> = Promise.resolve("not started");
  const isRunning = () =>
    child !== undefined && child.exitCode === null && child.signalCode === null;
  const running = () => {
    if (child?.pid === undefined) throw new Error(`${options.name} was not started`);
    return child;
  };

  return {
    name: options.name,
    get pid() {
      return running().pid ?? 0;
    },
    get isRunning() {
      return isRunning();
    },
    start() {
      if (isRunning()) throw new Error(`${options.name} runs already`);
      const log = openSync(options.logFile, "a");
      const { args, env, cwd } = options;
      const began = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", log, log] });
      closeSync(log);
      child = began;
      ended = once(began, "exit").then(([code, signal]) => `${code ?? signal}`);
    },
    signal(signal) {
      running().kill(signal);
    },
    ended: () => ended,
    children: (naming) =>
      (isRunning() ? childrenOf(running().pid ?? 0) : []).filter((pid) =>
        commandLineOf(pid).includes(naming),
      ),
    async stop() {
      if (!isRunning()) return await ended;
      running().kill("SIGCONT");
      running().kill("SIGTERM");
      const overdue = setTimeout(() => child?.kill("SIGKILL"), STOP_MS);
      const how = await ended;
      clearTimeout(overdue);
      return how;
    },
  };
}

/** Direct children of a process; none of one that is gone. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return list.split(" ").flatMap((child) => (child.trim() === "" ? [] : [Number(child)]));
  } catch {
    return [];
  }
}

/** Empty for one that is gone. */
function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Whether a process is there and not only waits to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads] = [fields[0], Number(fields[17])];
    // Its first thread may be dead before the others.
    return !((state === "Z" && threads <= 1) || state === "X");
  } catch {
    return false;
  }
}

/** A signal to a process that may have gone by itself. @returns whether it was there */
export function signalProcess(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

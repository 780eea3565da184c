import { type ManualClock, manualClock } from "@pitaya/actors/clock";
import type { Strategy } from "@pitaya/strategies";
import type { Connection } from "../connect/connection.port.ts";
import type { Host, Output, Signal } from "../host.ts";
import { pitaya } from "../pitaya.ts";

/** What a test reads of an output, and may wait for. */
export interface Captured extends Output {
  readonly text: string;
  readonly lines: readonly string[];
  /** Resolves once the text holds this. */
  shows(part: string): Promise<void>;
  /** Writes fail as if nobody read any more. */
  breaks(): void;
}

export interface TestHostOptions {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly tmpdir: string;
  /** @default one that does not exist */
  readonly home?: string;
  /** What the person at the terminal says. @default nobody sits there */
  readonly answer?: (question: string) => string;
  /** What stands on standard input. @default nothing */
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly connection?: () => Promise<Connection>;
  readonly tty?: boolean;
  readonly strategies?: readonly Strategy[];
  readonly clock?: ManualClock;
}

/** Surroundings made of plain values. */
export interface TestHost extends Host {
  readonly stdout: Captured;
  readonly stderr: Captured;
  readonly clock: ManualClock;
  send(signal: Signal): void;
  /** The exit code, whichever way the process ended. */
  readonly ended: Promise<number>;
  /** Resolves when nothing of the command goes on, also where it had left by then. */
  readonly settled: Promise<unknown>;
}

/** Of all hosts: two commands must not make the same ids. */
let count = 0;

const START = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Starts the program. Its end is in `ended`. */
export function startPitaya(options: TestHostOptions): TestHost {
  const handlers = new Set<(signal: Signal) => void>();
  const left = Promise.withResolvers<number>();
  const clock = options.clock ?? manualClock(START);
  const host: Host = {
    argv: options.argv,
    env: options.env ?? { ANTHROPIC_API_KEY: "sk-ant-test-0123456789abcdef" },
    cwd: options.cwd,
    home: options.home ?? "/nowhere",
    tmpdir: options.tmpdir,
    stdout: captured(options.tty ?? false),
    stderr: captured(options.tty ?? false),
    ...(options.strategies !== undefined && { strategies: options.strategies }),
    clock,
    user: "ada",
    random(bytes) {
      count += 1;
      return count
        .toString(16)
        .padStart(bytes * 2, "0")
        .slice(-bytes * 2);
    },
    ask: async (question) => options.answer?.(question),
    async *input() {
      yield Buffer.from(options.input ?? "");
    },
    onSignal(handler) {
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    async connect() {
      if (options.connection) return options.connection();
      throw new Error("this test has no store");
    },
    exit(code): never {
      left.resolve(code);
      throw new Error("the process has ended");
    },
  };
  const settled = pitaya(host);
  const ended = Promise.race([settled, left.promise]);
  return {
    ...(host as Host & { stdout: Captured; stderr: Captured }),
    clock,
    ended,
    settled,
    send(signal) {
      for (const handler of [...handlers]) {
        try {
          handler(signal);
        } catch (error) {
          if (!(error instanceof Error) || error.message !== "the process has ended") throw error;
        }
      }
    },
  };
}

/** Runs the program to its end. */
export async function runPitaya(options: TestHostOptions) {
  const host = startPitaya(options);
  const code = await host.ended;
  return { code, stdout: host.stdout.text, stderr: host.stderr.text };
}

function captured(isTTY: boolean): Captured {
  let text = "";
  let broken = false;
  const waiting: { readonly part: string; readonly resolve: () => void }[] = [];
  return {
    isTTY,
    columns: 100,
    rows: 30,
    get text() {
      return text;
    },
    get lines() {
      return text.split("\n").filter((line) => line !== "");
    },
    async write(more) {
      if (broken) throw Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
      text += more;
      for (const { part, resolve } of waiting) if (text.includes(part)) resolve();
    },
    shows(part) {
      return new Promise((resolve) => {
        if (text.includes(part)) resolve();
        else waiting.push({ part, resolve });
      });
    },
    breaks() {
      broken = true;
    },
  };
}

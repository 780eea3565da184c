import { randomBytes } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { type Clock, systemClock } from "@pitaya/actors/clock";
import type { Strategy } from "@pitaya/strategies";
import type { Connector } from "./connect/connection.port.ts";

/** Where a command writes. */
export interface Output {
  readonly isTTY: boolean;
  /** Of the terminal; 80 where there is none. */
  readonly columns: number;
  readonly rows: number;
  /** Resolves when the text is handed on. Rejects with EPIPE when nobody reads any more. */
  write(text: string): Promise<void>;
}

export type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";

/**
 * Everything a command takes from its surroundings, so that a test can be the surroundings.
 *
 * Implementations: {@link processHost}; `testing/test-host.ts`.
 */
export interface Host {
  readonly argv: readonly string[];
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly cwd: string;
  /** The user's own directory. */
  readonly home: string;
  /** Where temporary files go. */
  readonly tmpdir: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  /** @returns lower-case hex, two digits a byte */
  random(bytes: number): string;
  /** For people: who asked to stop or to resume. */
  readonly user: string;
  /**
   * Asks the person at the terminal.
   * @returns undefined where nobody sits at one
   */
  ask(question: string): Promise<string | undefined>;
  /** What stands on standard input, to its end, in pieces. */
  input(): AsyncIterable<Uint8Array>;
  /** Calls `handler` for these signals in place of what they would do. @returns a function that ends that */
  onSignal(handler: (signal: Signal) => void): () => void;
  readonly connect: Connector;
  /** Strategies beside the built-in ones that the coordinators of this host have too. */
  readonly strategies?: readonly Strategy[];
  /** Leaves at once, with nothing flushed. */
  exit(code: number): never;
}

export function processHost(): Host {
  return {
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    home: process.env["HOME"] || homedir(),
    tmpdir: tmpdir(),
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    clock: systemClock,
    random: (bytes) => randomBytes(bytes).toString("hex"),
    user: process.env.USER ?? process.env.LOGNAME ?? "unknown",
    async ask(question) {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
      const { createInterface } = await import("node:readline/promises");
      const terminal = createInterface({ input: process.stdin, output: process.stderr });
      try {
        // Whoever closes the input, or interrupts, has not said yes.
        const left = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
        return await Promise.race([terminal.question(question), left]);
      } finally {
        terminal.close();
      }
    },
    input: () => process.stdin,
    onSignal(handler) {
      const signals: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
      for (const signal of signals) process.on(signal, handler);
      return () => {
        for (const signal of signals) process.off(signal, handler);
      };
    },
    connect: async (options) => (await import("./connect/connect.ts")).connect(options),
    exit: (code) => process.exit(code),
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // Every write tells its own failure; without a listener Node would throw it a second time.
  stream.on("error", () => undefined);
  return {
    get isTTY() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
    get rows() {
      return stream.rows ?? 24;
    },
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

import type { Output } from "./host.ts";

/** Where people and programs read. stdout carries the result; everything else goes to stderr. */
export interface Console {
  /** A line, or several, of the result. */
  result(text: string): Promise<void>;
  /** Progress: what is happening now. */
  note(text: string): Promise<void>;
  /** What a person should know although it goes on. */
  warn(text: string): Promise<void>;
  /** What went wrong although it goes on. Never left out. */
  problem(text: string): Promise<void>;
  /** Aborts when nobody reads stdout any more. What is written after that is dropped. */
  readonly closed: AbortSignal;
}

export function consoleOn(streams: { readonly stdout: Output; readonly stderr: Output }): Console {
  const stdoutClosed = new AbortController();
  const stderrClosed = new AbortController();
  const write = async (stream: Output, closed: AbortController, text: string) => {
    if (closed.signal.aborted) return;
    try {
      await stream.write(text.endsWith("\n") ? text : `${text}\n`);
    } catch (error) {
      // EPIPE, or EIO of a terminal that is gone: there is nobody to tell.
      closed.abort(error);
    }
  };
  return {
    result: (text) => write(streams.stdout, stdoutClosed, text),
    note: (text) => write(streams.stderr, stderrClosed, text),
    warn: (text) => write(streams.stderr, stderrClosed, `warning: ${text}`),
    problem: (text) => write(streams.stderr, stderrClosed, `error: ${text}`),
    closed: stdoutClosed.signal,
  };
}

/** The same console where nothing but results and errors is asked for. */
export const quietConsole = (console: Console): Console => ({
  ...console,
  note: async () => {},
  warn: async () => {},
});

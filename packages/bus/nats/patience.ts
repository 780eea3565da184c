import { setTimeout as delay } from "node:timers/promises";
import { busError, Interrupted, isPassing } from "./failures.ts";
import type { Link } from "./link.ts";

/** How long one request waits before it is repeated. */
export const REQUEST_TIMEOUT_MS = 2_000;

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;

/**
 * Waits for an answer, but no longer than the connection it was asked through lives: the client
 * leaves requests that were under way at a disconnect to their time-out.
 *
 * @throws {Interrupted} when the connection was lost or closed, or `signal` aborted
 */
export async function untilInterrupted<T>(
  link: Link,
  request: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let stop = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    const lost = () => reject(new Interrupted("the connection to the NATS server was lost"));
    const aborted = () => reject(new Interrupted("given up"));
    const off = link.onStatus(lost);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted === true) aborted();
    stop = () => {
      off();
      signal?.removeEventListener("abort", aborted);
    };
  });
  try {
    return await Promise.race([request, interrupted]);
  } finally {
    stop();
  }
}

export interface Patience {
  /** For messages: `store a decision`. */
  readonly doing: string;
  readonly signal?: AbortSignal;
  /** Begins no new try after this long; without it, tries until `signal` aborts. */
  readonly forMs?: number;
}

/**
 * Repeats a request through time-outs, reconnects and servers that are not ready, until its answer
 * is known. The request must be one that may be made twice.
 *
 * @throws `bus_unavailable` when patience ends or the connection is closed; whatever else the
 *   request failed with
 */
export async function untilAnswered<T>(
  link: Link,
  { doing, signal, forMs = Number.POSITIVE_INFINITY }: Patience,
  request: () => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + forMs;
  const over = () =>
    link.closed.aborted || signal?.aborted === true || performance.now() >= deadline;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      if (over()) throw new Interrupted("given up");
      return await untilInterrupted(link, request(), signal);
    } catch (error) {
      if (over() || !isPassing(error)) throw busError(error, doing);
    }
    await pause(pauseMs, ...(signal === undefined ? [] : [signal]), link.closed);
  }
}

/** Resolves when there is a connection, or when `signal` aborts. */
export function whenConnected(link: Link, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (link.status() !== "connected" && !signal.aborted) return;
      off();
      signal.removeEventListener("abort", look);
      resolve();
    };
    const off = link.onStatus(look);
    signal.addEventListener("abort", look);
    look();
  });
}

/** Ends early, and without an error, when one of the signals aborts. */
export const pause = (ms: number, ...signals: readonly AbortSignal[]): Promise<void> =>
  delay(ms, undefined, { signal: AbortSignal.any([...signals]) }).catch(() => undefined);

import type { ErrorRecord } from "@pitaya/protocol";

const BASE_MS = 2_000;
const CAP_MS = 300_000;

/** A provider that asks for a longer pause than this is waited for no longer. */
const RETRY_AFTER_CAP_MS = 6 * 3_600_000;

export interface RetryState {
  /** Failures before this one that counted. */
  readonly failures: number;
  /** Attempts after the first. */
  readonly retries: number;
}

export const mayRetry = (error: ErrorRecord, state: RetryState): boolean =>
  error.retryable && state.failures < state.retries;

/**
 * Pause before the next attempt, milliseconds: what the other side asked for, otherwise 2 s, 4 s,
 * 8 s, … up to five minutes; in both cases up to a quarter more, so that many do not return at once.
 *
 * @param random 0 ≤ random < 1
 */
export function backoffMs(error: ErrorRecord, failures: number, random: number): number {
  const planned =
    error.retryAfterMs === undefined
      ? Math.min(CAP_MS, BASE_MS * 2 ** failures)
      : Math.min(RETRY_AFTER_CAP_MS, error.retryAfterMs);
  return Math.round(planned * (1 + random / 4));
}

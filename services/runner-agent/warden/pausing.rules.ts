/** Renewals in one lease. Pausing begins after two that failed. */
const RENEWALS = 4;

/** Of each lease, what is kept for pausing. */
const RESERVE = 1 / 3;

export const renewEveryMs = (leaseMs: number): number => leaseMs / RENEWALS;

/** How often a runner-agent ticks: twice for each renewal, so that one late tick is not a standstill. */
export const tickEveryMs = (leaseMs: number): number => renewEveryMs(leaseMs) / 2;

/** How often it is looked whether something runs that must not. */
export const lookEveryMs = (leaseMs: number): number => leaseMs / 10;

/** How long after the last renewal the runner-agent does itself what its warden has not done. */
export const actYourselfAfterMs = (leaseMs: number): number => leaseMs / 12;

/**
 * When nobody can rely on the lease any more. The server counts from when it took the renewal, and
 * counts in whole seconds, rounded up; a coordinator counts from when it heard of it. All of that is
 * no earlier than the sending, which is what counts here.
 *
 * @param renewedAtMs when the last renewal that succeeded was sent
 */
export const lapsesAtMs = (renewedAtMs: number, leaseMs: number): number => renewedAtMs + leaseMs;

/**
 * Until when containers may run on a renewal. What is left of the lease then is the engine's, to
 * pause them before another runner could begin with the work.
 */
export const mayRunUntilMs = (renewedAtMs: number, leaseMs: number): number =>
  renewedAtMs + leaseMs * (1 - RESERVE);

/**
 * How far beyond the lease containers ran that were paused only now. Undefined where they were paused
 * in time. That it can be otherwise takes an engine that hangs, or a whole host or both processes
 * standing still while the engine does not.
 */
export function overranMs(
  pausedAtMs: number,
  untilMs: number,
  leaseMs: number,
): number | undefined {
  const lateMs = Math.ceil(pausedAtMs - (untilMs + leaseMs * RESERVE));
  return lateMs > 0 ? lateMs : undefined;
}

/** Whether a main loop that was last heard of so long ago stands still. */
export const standsStill = (silentMs: number, leaseMs: number): boolean =>
  silentMs > renewEveryMs(leaseMs);

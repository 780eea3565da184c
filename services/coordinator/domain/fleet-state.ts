import type { RunnerAbout, RunnerLiveness } from "@pitaya/protocol";

/** How many heartbeats in a row must miss an attempt before it counts as lost. */
const MISSES = 2;

interface RunnerState {
  about: RunnerAbout | undefined;
  liveness: RunnerLiveness | undefined;
  /** Local time of its last sign of life, epoch milliseconds. */
  seenAt: number;
  /** Of its key in the bucket, as it was last heard. */
  revision: number;
  /** Heartbeats in a row that did not list an attempt placed and claimed there. */
  readonly misses: Map<string, number>;
}

/** A claimed attempt, as a heartbeat must list it. */
export interface ClaimedAttempt {
  readonly run: string;
  readonly instance: string;
  readonly attempt: number;
  /** Of its claim, on the server's clock, epoch milliseconds. */
  readonly claimedAt?: number | undefined;
}

/**
 * Of a lease: so much older than its writing what a heartbeat says may be. A warden renews four times
 * a lease, and not for a main loop that was silent for longer than that.
 */
const CONTENT_AGE = 1 / 4;

/**
 * What the coordinator knows of the runners. A runner is alive while its liveness was renewed less
 * than a lease ago; after a break of the coordinator's own connection it gets one whole lease more,
 * so that an outage of the bus kills nothing. A bus that says nothing without the connection being
 * broken, or a coordinator that stood still itself, is such a break: while the bus owes an answer
 * nobody is lost.
 */
export interface FleetState {
  about(runner: string, about: RunnerAbout): void;
  /** @param writtenAt on the server's clock; one of before a claim says nothing of it, however late it comes */
  heartbeat(
    runner: string,
    liveness: RunnerLiveness,
    claimed: readonly ClaimedAttempt[],
    now: number,
    writtenAt: number,
  ): void;
  /** The write of its key that has arrived here, whether or not it could be read. */
  heard(runner: string, revision: number): void;
  /**
   * Its key was looked at. @returns whether it has renewed its lease since it was last heard of here:
   * then it is alive, and what it said is still on its way
   */
  hasRenewed(runner: string, revision: number | undefined, now: number): boolean;
  /** The coordinator itself was cut off, or has just begun. */
  reconnected(now: number): void;
  /** The bus answered a question that is asked again and again, more often than twice in `silenceMs`. */
  answered(now: number): void;
  isAlive(runner: string, now: number): boolean;
  isLost(runner: string, attempt: ClaimedAttempt, claimed: boolean, now: number): boolean;
  curveKey(runner: string): string | undefined;
  /** Runners that can be given work. */
  available(now: number): readonly RunnerAbout[];
  /** When the next runner would be lost, if it stays silent. */
  nextLapse(now: number): number | undefined;
}

const nameOf = ({ run, instance, attempt }: ClaimedAttempt) => `${run}.${instance}.${attempt}`;

/**
 * @param leaseMs of runners that do not tell the length of theirs
 * @param silenceMs without an answer for so long the bus is away
 */
export function fleetState(leaseMs: number, silenceMs: number): FleetState {
  const runners = new Map<string, RunnerState>();
  let graceFrom = 0;
  let answeredAt = 0;

  const stateOf = (runner: string): RunnerState => {
    const known = runners.get(runner);
    if (known) return known;
    const fresh = {
      ...{ about: undefined, liveness: undefined },
      ...{ seenAt: 0, revision: 0, misses: new Map() },
    };
    runners.set(runner, fresh);
    return fresh;
  };
  const leaseOf = (state: RunnerState | undefined) => state?.about?.leaseMs ?? leaseMs;
  const lapsesAt = (state: RunnerState | undefined) =>
    Math.max(state?.seenAt ?? 0, graceFrom) + leaseOf(state);
  const isSilent = (now: number) => now - answeredAt > silenceMs;

  return {
    about(runner, about) {
      stateOf(runner).about = about;
    },
    heartbeat(runner, liveness, claimed, now, writtenAt) {
      const state = stateOf(runner);
      state.liveness = liveness;
      state.seenAt = now;
      const listed = new Set(liveness.attempts.map(nameOf));
      const toldAt = writtenAt - leaseOf(state) * CONTENT_AGE;
      const missing = claimed
        .filter(({ claimedAt = 0 }) => claimedAt < toldAt)
        .map(nameOf)
        .filter((name) => !listed.has(name));
      const before = new Map(state.misses);
      state.misses.clear();
      for (const name of missing) state.misses.set(name, (before.get(name) ?? 0) + 1);
    },
    heard(runner, revision) {
      stateOf(runner).revision = revision;
    },
    hasRenewed(runner, revision = 0, now) {
      const state = stateOf(runner);
      if (revision <= state.revision) return false;
      state.seenAt = now;
      return true;
    },
    reconnected(now) {
      graceFrom = now;
      answeredAt = now;
    },
    answered(now) {
      if (isSilent(now)) graceFrom = now;
      answeredAt = now;
    },
    isAlive: (runner, now) =>
      runners.get(runner)?.liveness !== undefined && now < lapsesAt(runners.get(runner)),
    isLost(runner, attempt, claimed, now) {
      const state = runners.get(runner);
      if (isSilent(now)) return false;
      if (now >= lapsesAt(state)) return true;
      return claimed && (state?.misses.get(nameOf(attempt)) ?? 0) >= MISSES;
    },
    curveKey: (runner) => runners.get(runner)?.about?.curveKey,
    available: (now) =>
      [...runners.values()].flatMap((state) =>
        state.about && state.liveness && now < state.seenAt + leaseOf(state) ? [state.about] : [],
      ),
    nextLapse(now) {
      const lapses = [...runners.values()].map(lapsesAt).filter((at) => at > now);
      return lapses.length === 0 ? undefined : Math.min(...lapses);
    },
  };
}

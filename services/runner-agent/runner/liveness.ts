import type { Clock } from "@pitaya/actors";
import type { RunnerLiveness } from "@pitaya/protocol";
import type { Logger } from "pino";
import type { RunnerLease } from "../adapters/runner-lease.ts";
import type { AttemptName } from "../ports/executor.port.ts";

/** Keeps the fleet told that this runner-agent lives, and with what. */
export interface Liveness {
  /** Resolves when it was told for the first time. */
  begin(): Promise<void>;
  /** Tells no more: the lease lapses by itself, or at once with `release`. */
  end(release: boolean): Promise<void>;
  /** Containers may run only while the lease is held: what runs at the start is paused first. */
  readonly isWatched: boolean;
  /** Resolves when containers may run, or when `signal` aborts. */
  whenMayRun(signal: AbortSignal): Promise<void>;
}

export interface LivenessOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** As it is now. */
  readonly current: () => RunnerLiveness;
  /** Told once, when a later incarnation of this runner has taken over. */
  readonly onSuperseded: () => void;
  /** Pauses every attempt that runs. @returns those that ran */
  readonly pauseAll: () => Promise<readonly AttemptName[]>;
  /** These stand still; `overranMs` is how long they may have run beyond the lease. */
  readonly onPaused: (attempts: readonly AttemptName[], overranMs: number | undefined) => void;
}

/** Renewals in one lease: two may be lost. */
const RENEWALS = 3;

/** For the embedded stack: renewed in this process, so it stops when this process's loop does. */
export function livenessInProcess(lease: RunnerLease, options: LivenessOptions): Liveness {
  const { clock, log, leaseMs } = options;
  let cancel = () => {};
  let ended = false;
  let renewing: Promise<void> = Promise.resolve();

  async function renew(): Promise<void> {
    if ((await lease.renew(options.current())) === "held" || ended) return;
    ended = true;
    options.onSuperseded();
  }

  function arm(): void {
    if (ended) return;
    cancel = clock.setTimer(leaseMs / RENEWALS, () => {
      renewing = renew()
        .catch((err: unknown) => log.warn({ err }, "liveness not renewed"))
        .finally(arm);
    });
  }

  return {
    isWatched: false,
    whenMayRun: async () => {},
    async begin() {
      await renew();
      arm();
    },
    async end(release) {
      ended = true;
      cancel();
      await renewing;
      if (release) await lease.release();
    },
  };
}

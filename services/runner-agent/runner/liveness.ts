import type { Clock } from "@pitaya/actors";
import type { RunnerLiveness } from "@pitaya/protocol";
import type { Logger } from "pino";
import type { RunnerLease } from "../adapters/runner-lease.ts";

/** Keeps the fleet told that this runner-agent lives, and with what. */
export interface Liveness {
  /** Resolves when it was told for the first time. */
  begin(): Promise<void>;
  /** Tells no more: the lease lapses by itself, or at once with `release`. */
  end(release: boolean): Promise<void>;
}

export interface LivenessOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** As it is now. */
  readonly current: () => RunnerLiveness;
  /** Told once, when a later incarnation of this runner has taken over. */
  readonly onSuperseded: () => void;
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

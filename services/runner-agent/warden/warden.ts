import type { Clock } from "@pitaya/actors";
import type { RunnerLiveness } from "@pitaya/protocol";
import type { RunnerLease } from "../adapters/runner-lease.ts";
import type { FromWarden } from "./messages.ts";

/** Holds a runner's lease for as long as its runner-agent's main loop goes round. */
export interface Warden {
  /** The main loop went round; this is how the runner-agent stands. */
  tick(liveness: RunnerLiveness): void;
  end(release: boolean): Promise<void>;
}

export interface WardenOptions {
  readonly lease: RunnerLease;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly report: (message: FromWarden) => void;
}

/** Renewals in one lease: two may be lost. */
const RENEWALS = 3;

/** How often a runner-agent ticks: twice for each renewal, so that one late tick is not a standstill. */
export const tickEveryMs = (leaseMs: number): number => leaseMs / RENEWALS / 2;

export function warden({ lease, leaseMs, clock, report }: WardenOptions): Warden {
  const everyMs = leaseMs / RENEWALS;
  let latest: { readonly liveness: RunnerLiveness; readonly atMs: number } | undefined;
  let state: "waiting" | "holding" | "ended" = "waiting";
  let cancel = () => {};
  let renewing: Promise<void> = Promise.resolve();

  async function renew(): Promise<void> {
    if (latest === undefined) return;
    const silentMs = clock.now() - latest.atMs;
    if (silentMs > everyMs) {
      const message = `the runner-agent's main loop has stood still for ${Math.round(silentMs)} ms`;
      return report({ type: "trouble", message });
    }
    if ((await lease.renew(latest.liveness)) === "superseded") {
      state = "ended";
      return report({ type: "superseded" });
    }
    if (state === "waiting") {
      state = "holding";
      report({ type: "held" });
    }
  }

  function go(): void {
    renewing = renew()
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        report({ type: "trouble", message: `the lease was not renewed: ${reason}` });
      })
      .finally(() => {
        if (state !== "ended") cancel = clock.setTimer(everyMs, go);
      });
  }

  return {
    tick(liveness) {
      const isFirst = latest === undefined;
      latest = { liveness, atMs: clock.now() };
      if (isFirst && state !== "ended") go();
    },
    async end(release) {
      state = "ended";
      cancel();
      await renewing;
      if (release) await lease.release();
    },
  };
}

import type { Clock } from "@pitaya/actors";
import type { RunnerLiveness } from "@pitaya/protocol";
import type { RunnerLease } from "../adapters/runner-lease.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import type { FromWarden } from "./messages.ts";
import {
  lookEveryMs,
  mayRunUntilMs,
  overranMs,
  renewEveryMs,
  standsStill,
} from "./pausing.rules.ts";

/**
 * Holds a runner's lease for as long as its runner-agent's main loop goes round, and pauses the
 * runner's containers before it can lapse. They go on when the runner-agent says so.
 */
export interface Warden {
  /** The main loop went round; this is how the runner-agent stands. */
  tick(liveness: RunnerLiveness): void;
  /** Without `release` the next incarnation finds the containers paused. */
  end(release: boolean): Promise<void>;
  /** The runner-agent is gone: nobody looks after its containers, so they are paused at once. */
  abandoned(): Promise<void>;
}

/** What a warden does to the engine, by itself. */
export interface AttemptContainers {
  /**
   * Pauses all attempts of the runner that run.
   *
   * @returns all that stand still now, and which of them ran until now
   * @throws when one could not be paused; all others are then
   */
  standStill(): Promise<{
    readonly standing: readonly AttemptName[];
    readonly stopped: readonly AttemptName[];
  }>;
}

export interface WardenOptions {
  readonly lease: RunnerLease;
  readonly leaseMs: number;
  /** One before it in this incarnation is gone, and may have paused containers without a word. */
  readonly isSuccessor: boolean;
  readonly containers: AttemptContainers;
  readonly clock: Clock;
  readonly report: (message: FromWarden) => void;
}

const keyOf = ({ runId, instanceId, attempt }: AttemptName) => `${runId}.${instanceId}.${attempt}`;

export function warden(options: WardenOptions): Warden {
  const { lease, leaseMs, isSuccessor, containers, clock, report } = options;
  let latest: { readonly liveness: RunnerLiveness; readonly atMs: number } | undefined;
  let state: "waiting" | "holding" | "superseded" | "ended" = "waiting";
  let untilMs = 0;
  /** Attempts reported as paused since the lease was last renewed. */
  let reported = new Set<string>();
  let cancelRenewal = () => {};
  let cancelPausing = () => {};
  let renewing: Promise<void> = Promise.resolve();

  const isOver = () => state === "ended" || state === "superseded";
  const trouble = (doing: string) => (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    report({ type: "trouble", message: `${doing}: ${reason}` });
  };

  /** @returns how long until it is to be renewed again */
  async function renew(): Promise<number> {
    const everyMs = renewEveryMs(leaseMs);
    if (latest === undefined) return everyMs;
    const sentAtMs = clock.now();
    const silentMs = sentAtMs - latest.atMs;
    if (standsStill(silentMs, leaseMs)) {
      const message = `the runner-agent's main loop has stood still for ${Math.round(silentMs)} ms`;
      report({ type: "trouble", message });
      await leaveToOthers();
      return everyMs;
    }
    const renewed = await lease.renew(latest.liveness);
    if (renewed === "superseded") leave();
    if (isOver()) return everyMs;
    const isFirst = state === "waiting";
    state = "holding";
    untilMs = mayRunUntilMs(sentAtMs, leaseMs);
    const leftMs = untilMs - clock.now();
    armPausing(isFirst && isSuccessor ? 0 : leftMs);
    // An answer that came so late that nothing may run on it; the next one will be better.
    if (leftMs <= 0) return 0;
    reported = new Set();
    report({ type: "held", untilMs });
    return everyMs;
  }

  /** The containers are another incarnation's now, which has a warden of its own. */
  function leave(): void {
    if (isOver()) return;
    state = "superseded";
    cancelRenewal();
    cancelPausing();
    report({ type: "superseded" });
  }

  async function leaveToOthers(): Promise<void> {
    if (state === "holding" && (await lease.isOthers())) leave();
  }

  function go(): void {
    renewing = renew()
      .catch((error: unknown) => {
        trouble("the lease was not renewed")(error);
        return renewEveryMs(leaseMs);
      })
      .then((waitMs) => {
        if (!isOver()) cancelRenewal = clock.setTimer(waitMs, go);
      });
  }

  function armPausing(afterMs: number): void {
    cancelPausing();
    cancelPausing = clock.setTimer(Math.max(0, afterMs), () => {
      pauseAll(reported)
        .catch(trouble("the containers were not paused"))
        .finally(() => {
          if (isOver()) return;
          // One that the engine was starting meanwhile is found the next time.
          armPausing(Math.max(untilMs - clock.now(), lookEveryMs(leaseMs)));
          // A bus that is away cannot tell.
          if (clock.now() >= untilMs) leaveToOthers().catch(() => undefined);
        });
    });
  }

  async function pauseAll(told: Set<string>): Promise<void> {
    const { standing, stopped } = await containers.standStill();
    const late = overranMs(clock.now(), untilMs, leaseMs);
    const ran = new Set(stopped.map(keyOf));
    const tell = (attempts: readonly AttemptName[], more: { readonly overranMs?: number } = {}) => {
      const fresh = attempts.filter((name) => !told.has(keyOf(name)));
      for (const name of fresh) told.add(keyOf(name));
      if (fresh.length > 0) report({ type: "paused", attempts: fresh, ...more });
    };
    tell(stopped, late === undefined ? {} : { overranMs: late });
    tell(standing.filter((name) => !ran.has(keyOf(name))));
  }

  async function end(): Promise<void> {
    const isOthers = isOver();
    state = "ended";
    cancelRenewal();
    cancelPausing();
    if (!isOthers) await pauseAll(new Set()).catch(trouble("the containers were not paused"));
  }

  return {
    tick(liveness) {
      const isFirst = latest === undefined;
      latest = { liveness, atMs: clock.now() };
      if (isFirst && !isOver()) go();
    },
    async end(release) {
      if (!release) return end();
      state = "ended";
      cancelRenewal();
      cancelPausing();
      await renewing;
      await lease.release();
    },
    abandoned: end,
  };
}

import type { Liveness, LivenessOptions } from "../runner/liveness.ts";
import type { FromWarden, ToWarden } from "./messages.ts";
import { actYourselfAfterMs, lookEveryMs, overranMs, tickEveryMs } from "./pausing.rules.ts";
import type { LaunchWarden, WardenProcess } from "./warden-process.ts";

export interface WardenOptions {
  readonly launch: LaunchWarden;
  /** How it reaches the bus, as this runner, and the engine. */
  readonly connection: Omit<Extract<ToWarden, { type: "begin" }>, "type" | "leaseMs" | "takeOver">;
}

const RESTART_MS = 1_000;

/**
 * For compose and fleets: the lease is held by a process of its own, fed by this one's main loop. That
 * process pauses the containers when it cannot hold it; when it is not heard of, this one does.
 */
export function livenessByWarden(
  { launch, connection }: WardenOptions,
  options: LivenessOptions,
): Liveness {
  const { clock, leaseMs, log, current, pauseAll, onPaused, onSuperseded } = options;
  const held = Promise.withResolvers<void>();
  const waiting = new Set<() => void>();
  let child: WardenProcess | undefined;
  let untilMs = 0;
  let isOthers = false;
  let cancelTick = () => {};
  let cancelRestart = () => {};
  let cancelPausing = () => {};
  let ended: PromiseWithResolvers<void> | undefined;
  let generation = 0;

  const tell = (message: ToWarden) => child?.tell(message);

  function start(): void {
    generation += 1;
    child = launch({
      hear,
      notStarted: (err) => log.error({ err }, "warden not started"),
      gone(how) {
        if (ended) return ended.resolve();
        log.error(how, "warden gone, starting another");
        cancelRestart = clock.setTimer(Math.min(RESTART_MS, leaseMs / 4), start);
      },
    });
    tell({ type: "begin", ...connection, leaseMs, takeOver: generation === 1 });
    tick();
  }

  function tick(): void {
    cancelTick();
    tell({ type: "tick", liveness: current() });
    cancelTick = clock.setTimer(tickEveryMs(leaseMs), tick);
  }

  function hear(message: FromWarden): void {
    if (message.type === "held") {
      untilMs = message.untilMs;
      held.resolve();
      armPausing(actYourselfAfterMs(leaseMs));
      for (const look of [...waiting]) look();
    }
    if (message.type === "paused") onPaused(message.attempts, message.overranMs);
    if (message.type === "trouble") log.warn({ reason: message.message }, "warden has trouble");
    if (message.type === "superseded") {
      isOthers = true;
      cancelTick();
      cancelPausing();
      onSuperseded();
    }
  }

  /** Does what the warden should have done by then, if it was not heard of again. */
  function armPausing(graceMs: number): void {
    cancelPausing();
    if (ended || isOthers) return;
    cancelPausing = clock.setTimer(Math.max(0, untilMs - clock.now()) + graceMs, () => {
      pauseHere()
        .catch((err: unknown) => log.warn({ err }, "containers not paused"))
        .finally(() => armPausing(lookEveryMs(leaseMs)));
    });
  }

  async function pauseHere(): Promise<void> {
    if (clock.now() < untilMs) return;
    const paused = await pauseAll();
    if (paused.length > 0) onPaused(paused, overranMs(clock.now(), untilMs, leaseMs));
  }

  return {
    isWatched: true,
    whenMayRun: (signal) =>
      new Promise((resolve) => {
        const look = () => {
          if (clock.now() >= untilMs && !signal.aborted) return;
          waiting.delete(look);
          signal.removeEventListener("abort", look);
          resolve();
        };
        waiting.add(look);
        signal.addEventListener("abort", look);
        look();
      }),
    begin() {
      start();
      return held.promise;
    },
    async end(release) {
      ended = Promise.withResolvers();
      cancelTick();
      cancelRestart();
      cancelPausing();
      if (child !== undefined && !child.isGone) {
        const giveUp = clock.setTimer(leaseMs, () => child?.kill());
        tell({ type: "end", release });
        await ended.promise;
        giveUp();
      }
      // Whatever became of the warden: nothing runs that nobody looks after.
      if (!release && !isOthers) await pauseAll();
    },
  };
}

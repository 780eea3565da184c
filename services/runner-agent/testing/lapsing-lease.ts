import type { AttemptName } from "../ports/executor.port.ts";
import type { Liveness, LivenessOptions } from "../runner/liveness.ts";

/** A lease that a test lets lapse, as a warden tells of it. */
export interface LapsingLease {
  /** What a runner-agent is told by, in place of what it wraps. */
  watch(liveness: Liveness, options: LivenessOptions): Liveness;
  /** It is not held: everything that runs is paused, and the runner-agent hears of all that stands. */
  lapse(overranMs?: number): Promise<void>;
  /** It is held again. */
  hold(): void;
}

export function lapsingLease(): LapsingLease {
  let isHeld = true;
  let told: LivenessOptions | undefined;
  const waiting = new Set<() => void>();
  const standing: AttemptName[] = [];
  return {
    watch(liveness, options) {
      told = options;
      return {
        ...liveness,
        isWatched: true,
        whenMayRun: (signal) =>
          new Promise((resolve) => {
            const look = () => {
              if (!isHeld && !signal.aborted) return;
              waiting.delete(look);
              signal.removeEventListener("abort", look);
              resolve();
            };
            waiting.add(look);
            signal.addEventListener("abort", look);
            look();
          }),
      };
    },
    async lapse(overranMs) {
      isHeld = false;
      for (const name of (await told?.pauseAll()) ?? []) standing.push(name);
      if (standing.length > 0) told?.onPaused(standing, overranMs);
    },
    hold() {
      isHeld = true;
      for (const look of [...waiting]) look();
    },
  };
}

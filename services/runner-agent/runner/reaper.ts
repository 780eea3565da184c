import type { AttemptName, Executor } from "../ports/executor.port.ts";

/** Removes what of this runner no attempt in hand owns; while it does, no new container is made. */
export interface Reaper {
  reap(): Promise<void>;
  /** Resolves when what is under way is done. */
  idle(): Promise<void>;
}

export function reaper(
  executor: Pick<Executor, "reap">,
  inHand: () => readonly AttemptName[],
): Reaper {
  let underWay: Promise<void> = Promise.resolve();
  return {
    reap() {
      const reaped = executor.reap(inHand());
      underWay = reaped.catch(() => undefined);
      return reaped;
    },
    idle: () => underWay,
  };
}

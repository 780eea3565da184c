/** Time as it is passed in. Points in time are epoch milliseconds. */
export interface Clock {
  now(): number;
  /** Calls `fire` once, after at least `delayMs`. @returns a function that prevents it */
  setTimer(delayMs: number, fire: () => void): () => void;
}

/** Longest delay a Node timer keeps; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, fire) {
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      const delay = Math.min(left, MAX_TIMER_MS);
      timer = setTimeout(() => (left > delay ? arm(left - delay) : fire()), Math.max(0, delay));
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
};

export interface ManualClock extends Clock {
  /** Moves time on, firing each timer at its own moment, also those that firing sets. */
  advance(byMs: number): void;
  /** Timers that are set. */
  readonly pending: number;
}

/** A clock that stands still until it is moved. Ships beside the port, for tests. */
export function manualClock(startAt = 0): ManualClock {
  let now = startAt;
  let order = 0;
  const timers = new Map<number, { readonly at: number; readonly fire: () => void }>();
  const nextDue = (until: number) =>
    [...timers].filter(([, t]) => t.at <= until).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  return {
    now: () => now,
    get pending() {
      return timers.size;
    },
    setTimer(delayMs, fire) {
      const id = ++order;
      timers.set(id, { at: now + Math.max(0, delayMs), fire });
      return () => void timers.delete(id);
    },
    advance(byMs) {
      const until = now + byMs;
      for (let due = nextDue(until); due; due = nextDue(until)) {
        const [id, timer] = due;
        timers.delete(id);
        now = Math.max(now, timer.at);
        timer.fire();
      }
      now = until;
    },
  };
}

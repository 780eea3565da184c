import type { Clock } from "@pitaya/actors";
import { type Due, eventHeap } from "./event-heap.ts";

/** One incarnation of a process, as the world sees it. */
export interface Life {
  readonly name: string;
  /** Runs. When it does not any more, nothing reaches it: its promises never settle. */
  alive: boolean;
  /** Stands still; what comes is kept for it. */
  frozen: boolean;
  /** Has no connection to the bus. */
  cut: boolean;
  readonly kept: WorldEvent[];
  /** Called when the connection is lost or comes back. */
  readonly onConnection: Set<() => void>;
  /** Called when it dies: what the outside does about it. */
  readonly onDeath: (() => void)[];
}

export const newLife = (name: string): Life => ({
  name,
  alive: true,
  frozen: false,
  cut: false,
  kept: [],
  onConnection: new Set(),
  onDeath: [],
});

export interface WorldEvent extends Due {
  readonly what: string;
  readonly deed: () => void;
  readonly to: Life | undefined;
  isOff: boolean;
}

/**
 * Virtual time and everything that happens in it, one thing after another. Between two events all
 * promise-based code comes to rest, so the order of events is all there is to a schedule, and the same
 * decisions give the same schedule.
 */
export interface World {
  now(): number;
  /** Events so far. */
  readonly steps: number;
  /**
   * Lets something happen later. What happens to a process happens while it is alive, and only when
   * it is not frozen.
   *
   * @returns what calls it off
   */
  after(delayMs: number, what: string, deed: () => void, to?: Life): () => void;
  /** The next event, and everything that follows from it at once. False when there is none. */
  step(): Promise<boolean>;
  thaw(life: Life): void;
  /** Code that rests on more than promises: no event happens before it is done. */
  resting<T>(deed: Promise<T>): Promise<T>;
  /** A line of the trace. */
  note(what: string): void;
}

/** @param trace gets a line for every event */
export function world(startMs: number, trace?: (line: string) => void): World {
  const heap = eventHeap<WorldEvent>();
  let nowMs = startMs;
  let order = 0;
  let steps = 0;
  let unrested = 0;

  const note = (what: string) =>
    trace?.(`${((nowMs - startMs) / 1_000).toFixed(3).padStart(9)} #${steps} ${what}`);

  const push = (atMs: number, what: string, deed: () => void, to: Life | undefined): WorldEvent => {
    order += 1;
    const event = { atMs, order, what, deed, to, isOff: false };
    heap.push(event);
    return event;
  };

  function next(): WorldEvent | undefined {
    for (let event = heap.pop(); event !== undefined; event = heap.pop()) {
      if (event.isOff || event.to?.alive === false) continue;
      if (event.to?.frozen) {
        event.to.kept.push(event);
        continue;
      }
      return event;
    }
    return undefined;
  }

  return {
    now: () => nowMs,
    get steps() {
      return steps;
    },
    note,
    after(delayMs, what, deed, to) {
      const event = push(nowMs + Math.max(0, delayMs), what, deed, to);
      return () => {
        event.isOff = true;
      };
    },
    async step() {
      const event = next();
      if (event === undefined) return false;
      nowMs = Math.max(nowMs, event.atMs);
      steps += 1;
      if (trace !== undefined) note(event.to ? `${event.to.name}: ${event.what}` : event.what);
      event.deed();
      do await macrotask();
      while (unrested > 0);
      return true;
    },
    thaw(life) {
      life.frozen = false;
      for (const event of life.kept.splice(0)) {
        if (event.isOff) continue;
        const late = push(nowMs, event.what, () => event.isOff || event.deed(), life);
        late.isOff = event.isOff;
      }
    },
    async resting(deed) {
      unrested += 1;
      try {
        return await deed;
      } finally {
        unrested -= 1;
      }
    },
  };
}

/** A macrotask comes when no microtask is left. */
const macrotask = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Time as one process knows it. @param skewMs by which its clock is ahead */
export const clockOf = (world: World, life: Life | undefined, skewMs = 0): Clock => ({
  now: () => Math.floor(world.now() + skewMs),
  setTimer: (delayMs, fire) => world.after(delayMs, "timer", fire, life),
});

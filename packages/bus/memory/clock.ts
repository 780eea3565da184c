/** Time as a memory broker knows it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once, later. @returns what calls it off */
  after(delayMs: number, call: () => void): () => void;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface VirtualClock extends Clock {
  /** Moves time on, calling what falls due on the way, each at its own time. */
  advance(byMs: number): void;
}

/** Time that moves only when told. */
export function virtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let nowMs = startMs;
  let nextId = 0;
  const due = new Map<number, { readonly at: number; readonly call: () => void }>();

  const earliest = (untilMs: number) =>
    [...due.entries()]
      .filter(([, timer]) => timer.at <= untilMs)
      .reduce<[number, { readonly at: number; readonly call: () => void }] | undefined>(
        (first, entry) => (first === undefined || entry[1].at < first[1].at ? entry : first),
        undefined,
      );

  return {
    now: () => nowMs,
    after(delayMs, call) {
      nextId += 1;
      const id = nextId;
      due.set(id, { at: nowMs + delayMs, call });
      return () => void due.delete(id);
    },
    advance(byMs) {
      const untilMs = nowMs + byMs;
      for (let timer = earliest(untilMs); timer !== undefined; timer = earliest(untilMs)) {
        const [id, { at, call }] = timer;
        due.delete(id);
        nowMs = at;
        call();
      }
      nowMs = untilMs;
    },
  };
}

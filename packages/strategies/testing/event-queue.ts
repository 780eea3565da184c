/** Things to come, on a clock that jumps to the next of them. */
export interface EventQueue<T> {
  readonly nowMs: number;
  add(event: T, afterMs: number): void;
  /** Those of one time in the order in which they were added. */
  next(): T | undefined;
  drop(condition: (event: T) => boolean): void;
}

export function eventQueue<T>(startedAtMs: number): EventQueue<T> {
  let nowMs = startedAtMs;
  let added = 0;
  let coming: { readonly event: T; readonly atMs: number; readonly n: number }[] = [];
  return {
    get nowMs() {
      return nowMs;
    },
    add(event, afterMs) {
      coming.push({ event, atMs: nowMs + afterMs, n: added });
      added += 1;
    },
    next() {
      const [first] = [...coming].sort((a, b) => a.atMs - b.atMs || a.n - b.n);
      coming = coming.filter((each) => each !== first);
      nowMs = first?.atMs ?? nowMs;
      return first?.event;
    },
    drop(condition) {
      coming = coming.filter(({ event }) => !condition(event));
    },
  };
}

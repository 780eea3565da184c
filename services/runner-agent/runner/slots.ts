/** Room for attempts. Whoever pulls a start holds a permit first. */
export interface Slots {
  readonly total: number;
  /** There are at least so many from now on, for a user who asked for that many at once; 0 takes it back. */
  setLeast(count: number): void;
  /** Waits for room. `undefined` when `signal` aborts, or no more is given. */
  take(signal: AbortSignal): Promise<Permit | undefined>;
  /** For an attempt that is there already, whether there is room or not. */
  occupy(): Permit;
}

/** Given back once, however often it is called. */
export type Permit = () => void;

export function slots(own: number): Slots {
  let least = 0;
  let used = 0;
  const total = () => Math.max(own, least);
  const waiting: (() => void)[] = [];

  const occupy = (): Permit => {
    used += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      used -= 1;
      waiting.shift()?.();
    };
  };

  return {
    get total() {
      return total();
    },
    setLeast(count) {
      least = count;
      for (let room = total() - used; room > 0; room -= 1) waiting.shift()?.();
    },
    occupy,
    async take(signal) {
      while (used >= total() && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const over = () => {
            signal.removeEventListener("abort", over);
            resolve();
          };
          waiting.push(over);
          signal.addEventListener("abort", over, { once: true });
        });
      }
      return signal.aborted ? undefined : occupy();
    },
  };
}

/** min(20, cores, 0.8 × memory ÷ memory of one attempt), at least 2. */
export const defaultSlots = (cpus: number, memoryBytes: number, attemptBytes: number): number =>
  Math.max(2, Math.min(20, Math.floor(cpus), Math.floor((0.8 * memoryBytes) / attemptBytes)));

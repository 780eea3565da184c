import type { TaskResolution } from "./hosted-execution.ts";

/** A task of the log, and how it ended. */
export interface Settled {
  readonly name: string;
  readonly resolution: TaskResolution;
}

/** What strategy code waits for, by the names of the log. */
export interface Waits {
  /** How tasks ended, in the order of the log. */
  readonly resolutions: ReadonlyMap<string, TaskResolution>;
  /** The first of them to end; of those that have ended already, the first of the log. */
  first(names: readonly string[]): Promise<Settled>;
  /** Tells whoever waits. */
  settle(name: string, resolution: TaskResolution): void;
  /** Notes it without telling anyone. */
  note(name: string, resolution: TaskResolution): void;
  sleep(index: number): Promise<void>;
  /** @returns whether that sleep was slept */
  wake(index: number): boolean;
  /** Waits and sleeps that are not over. */
  readonly open: number;
}

export function waits(): Waits {
  const resolutions = new Map<string, TaskResolution>();
  const waiting = new Map<string, Set<Wait>>();
  const open = new Set<Wait>();
  const asleep = new Map<number, () => void>();

  function endWait(wait: Wait, settled: Settled): void {
    open.delete(wait);
    for (const name of wait.names) waiting.get(name)?.delete(wait);
    wait.resolve(settled);
  }

  return {
    resolutions,
    first(names) {
      const among = new Set(names);
      const ended =
        among.size === 1
          ? resolutions.has(names[0] ?? "") && names[0]
          : firstOf(resolutions, among);
      const resolution = ended ? resolutions.get(ended) : undefined;
      if (ended && resolution) return Promise.resolve({ name: ended, resolution });
      return new Promise((resolve) => {
        const wait = { names: among, resolve };
        open.add(wait);
        for (const name of among) {
          const others = waiting.get(name) ?? new Set();
          waiting.set(name, others.add(wait));
        }
      });
    },
    note(name, resolution) {
      resolutions.set(name, resolution);
    },
    settle(name, resolution) {
      const told = [...(waiting.get(name) ?? [])];
      waiting.delete(name);
      for (const wait of told) endWait(wait, { name, resolution });
    },
    sleep: (index) => new Promise((resolve) => asleep.set(index, resolve)),
    wake(index) {
      const resolve = asleep.get(index);
      asleep.delete(index);
      resolve?.();
      return resolve !== undefined;
    },
    get open() {
      return open.size + asleep.size;
    },
  };
}

interface Wait {
  readonly names: ReadonlySet<string>;
  resolve(settled: Settled): void;
}

function firstOf(ended: ReadonlyMap<string, unknown>, among: ReadonlySet<string>) {
  for (const name of ended.keys()) if (among.has(name)) return name;
  return undefined;
}

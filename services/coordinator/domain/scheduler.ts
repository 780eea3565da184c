/** A runner that can be given work, and what it has. */
export interface RunnerCapacity {
  readonly runner: string;
  readonly slots: number;
  /** Attempts placed on it that have not ended, of every run. */
  readonly used: number;
}

/** A run with instances waiting for a place. */
export interface Demand {
  readonly run: string;
  /** Instances to place, first come first. */
  readonly queued: readonly string[];
  /** Attempts of this run that are placed and have not ended. */
  readonly live: number;
  readonly maxParallel: number | undefined;
}

export interface Placement {
  readonly run: string;
  readonly instance: string;
  readonly runner: string;
}

/**
 * Who goes where. One instance a round is given to the run that has the fewest live ones, so a run
 * of 500 does not starve a run of 1; it goes to the runner with the most free slots. Ties go by
 * name, so that the same state gives the same answer.
 */
export function placements(
  demands: readonly Demand[],
  runners: readonly RunnerCapacity[],
): readonly Placement[] {
  const free = new Map(runners.map((r) => [r.runner, r.slots - r.used]));
  const waiting = demands.map((d) => ({
    run: d.run,
    live: d.live,
    room: (d.maxParallel ?? Number.POSITIVE_INFINITY) - d.live,
    queued: [...d.queued].reverse(),
  }));
  const placed: Placement[] = [];
  for (;;) {
    const [next] = waiting
      .filter((w) => w.room > 0 && w.queued.length > 0)
      .sort((a, b) => a.live - b.live || a.run.localeCompare(b.run));
    const [runner, slots] = [...free].sort(([a, x], [b, y]) => y - x || a.localeCompare(b))[0] ?? [
      "",
      0,
    ];
    const instance = slots > 0 ? next?.queued.pop() : undefined;
    if (next === undefined || instance === undefined) return placed;
    placed.push({ run: next.run, instance, runner });
    next.live += 1;
    next.room -= 1;
    free.set(runner, slots - 1);
  }
}

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
  /** Of the live ones, those whose agent has not started. */
  readonly starting: number;
  readonly maxStarting: number | undefined;
  /** Whether a runner offers what an instance requires; absent: any does. */
  mayRun?(instance: string, runner: string): boolean;
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
    room: Math.min(
      (d.maxParallel ?? Number.POSITIVE_INFINITY) - d.live,
      (d.maxStarting ?? Number.POSITIVE_INFINITY) - d.starting,
    ),
    queued: [...d.queued],
    mayRun: d.mayRun ?? (() => true),
  }));
  const placed: Placement[] = [];
  for (;;) {
    const [next] = waiting
      .filter((w) => w.room > 0 && w.queued.length > 0)
      .sort((a, b) => a.live - b.live || a.run.localeCompare(b.run));
    const offers = [...free]
      .filter(([, slots]) => slots > 0)
      .sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
    if (next === undefined || offers.length === 0) return placed;
    const place = firstPlace(next, offers);
    if (place === undefined) {
      // Nothing of it goes where there is room.
      next.room = 0;
      continue;
    }
    const { instance, runner, slots } = place;
    placed.push({ run: next.run, instance, runner });
    next.queued.splice(next.queued.indexOf(instance), 1);
    next.live += 1;
    next.room -= 1;
    free.set(runner, slots - 1);
  }
}

/**
 * The order in which a run's instances are placed. An instance's id is a digest of its run's id and of
 * its own place in the run: by id they stand in an order that the run's id has drawn, the same
 * whoever asks and whenever, and one that comes later has its place in it too.
 *
 * @param queued ids, in the order they came
 */
export const queueOrder = (
  queued: Iterable<string>,
  { randomQueue }: { readonly randomQueue?: boolean | undefined },
): readonly string[] => (randomQueue ? [...queued].sort() : [...queued]);

/** The first of the queue that goes anywhere, and where. */
function firstPlace(
  { queued, mayRun }: { readonly queued: readonly string[]; mayRun: NonNullable<Demand["mayRun"]> },
  offers: readonly (readonly [runner: string, slots: number])[],
) {
  for (const instance of queued) {
    const offer = offers.find(([runner]) => mayRun(instance, runner));
    if (offer) return { instance, runner: offer[0], slots: offer[1] };
  }
  return undefined;
}

import { meets, type RunnerAbout } from "@pitaya/protocol";
import type { ClaimedAttempt } from "./domain/fleet-state.ts";
import type { InstanceStateName } from "./domain/instance.machine.ts";
import { LIVE_STATES } from "./domain/run-actors.ts";
import { type Placement, placements, queueOrder, type RunnerCapacity } from "./domain/scheduler.ts";
import type { RunEntry } from "./run-entry.ts";

const attemptsIn = (states: readonly InstanceStateName[], { actors }: RunEntry): number =>
  states.reduce((sum, state) => sum + (actors?.inState(state).size ?? 0), 0);

/** Attempts of a run that are placed and have not ended. */
export const liveAttempts = (entry: RunEntry): number => attemptsIn(LIVE_STATES, entry);

/** Of a live attempt whose agent has not started. */
const STARTING_STATES = ["placed", "starting"] as const;

/** An attempt on a runner, and whether the runner has claimed it. */
export interface PlacedAttempt {
  readonly run: string;
  readonly instance: string;
  readonly attempt: number;
  readonly runner: string;
  readonly claimed: boolean;
}

export function* placedAttempts(entries: Iterable<RunEntry>): Iterable<PlacedAttempt> {
  for (const { run, actors, log } of entries) {
    for (const state of LIVE_STATES) {
      for (const instance of actors?.inState(state) ?? []) {
        const context = actors?.instance(instance)?.context;
        if (context === undefined) continue;
        const { attempt, runner } = context;
        const claimed = (log.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
        yield { run, instance, attempt, runner, claimed };
      }
    }
  }
}

/** A runner, as it announced itself. */
type Offer = Pick<RunnerAbout, "runner" | "slots" | "pool" | "labels">;

/** What a runner has claimed, as its heartbeats must list it. */
export const claimedAttempts = (
  entries: ReadonlyMap<string, RunEntry>,
  runner: string,
): ClaimedAttempt[] =>
  [...placedAttempts(entries.values())].flatMap((placed) => {
    if (placed.runner !== runner || !placed.claimed) return [];
    const { run, instance, attempt } = placed;
    const row = entries.get(run)?.fold.view.instances.get(instance);
    const claimedAt = row?.attempts.find((each) => each.attempt === attempt)?.claimedAt;
    return [{ run, instance, attempt, claimedAt }];
  });

/**
 * Who goes where now, over all runs. Placements that are published and not read back take their slot
 * already.
 *
 * @param mayStart whether the run's secrets are here
 */
export function placeAll(
  entries: readonly RunEntry[],
  offers: readonly Offer[],
  mayStart: (entry: RunEntry) => boolean,
): readonly Placement[] {
  const used = new Map<string, number>();
  const take = (runner: string) => used.set(runner, (used.get(runner) ?? 0) + 1);
  for (const { runner } of placedAttempts(entries)) take(runner);
  for (const entry of entries) {
    for (const { runner } of entry.pendingPlacements) take(runner);
  }
  const runners: RunnerCapacity[] = offers.map(({ runner, slots }) => ({
    runner,
    slots,
    used: used.get(runner) ?? 0,
  }));
  const free = runners.reduce((sum, r) => sum + Math.max(0, r.slots - r.used), 0);
  if (free === 0) return [];
  const roomy = new Map<string, Offer>(
    offers.filter(({ runner, slots }) => slots > (used.get(runner) ?? 0)).map((o) => [o.runner, o]),
  );
  const demands = entries.flatMap((entry) => {
    const { run, actors, pendingPlacements } = entry;
    const queued = actors?.inState("queued");
    if (!actors || !queued?.size || actors.phase !== "executing" || actors.stopping) return [];
    if (!mayStart(entry)) return [];
    const mayRun = (instance: string, runner: string) => {
      const offer = roomy.get(runner);
      const requires = actors.instance(instance)?.context.scheduled.task.requires;
      return requires === undefined || (offer !== undefined && meets(offer, requires));
    };
    const fits = (instance: string) => [...roomy.keys()].some((each) => mayRun(instance, each));
    // One whose placement is on its way is still queued here.
    const onTheirWay = new Set(pendingPlacements.map(({ instance }) => instance as string));
    const waiting = queueOrder(queued, actors.spec)
      .filter((instance) => !onTheirWay.has(instance) && fits(instance))
      .slice(0, free);
    const { maxParallel, maxStarting } = actors.spec;
    const live = liveAttempts(entry) + onTheirWay.size;
    const starting = attemptsIn(STARTING_STATES, entry) + onTheirWay.size;
    return [{ run, queued: waiting, live, maxParallel, starting, maxStarting, mayRun }];
  });
  return placements(demands, runners);
}

import { DEFAULT_SNAPSHOT_INTERVAL_MS } from "@pitaya/protocol";
import type { AttemptSnapshot } from "./attempt.machine.ts";
import type { AttemptContext, DeadlineName } from "./attempt.ts";
import { silenceMs } from "./limits.rules.ts";

export interface Deadline {
  readonly name: DeadlineName;
  readonly atMs: number;
}

/** Beyond what wrapper and engine are given, so that theirs strike first. */
const SLACK_MS = 5_000;

/** When the present state is over, whatever happens: its timers, as data. */
export function deadlinesOf(snapshot: AttemptSnapshot): readonly Deadline[] {
  const { context } = snapshot;
  const { limits } = context;
  const early = [
    { live: "claimed" },
    { live: "fetching" },
    { live: "preparing" },
    { live: { running: "starting" } },
  ] as const;
  if (early.some((state) => snapshot.matches(state))) {
    return [{ name: "start", atMs: context.claimedAtMs + limits.startTimeoutMs }];
  }
  // Of an agent that has ended nothing can come too late: what is left to do is the runner's, and a
  // store without room for its output makes that wait.
  if (snapshot.matches({ live: "running" }) && context.leftAtMs !== undefined) return [];
  if (snapshot.matches({ live: { running: "working" } })) {
    const { agentStartedAtMs = context.claimedAtMs, lastOutputAtMs, finalAtMs } = context;
    return [
      { name: "total", atMs: agentStartedAtMs + limits.timeoutMs },
      { name: "stall", atMs: lastOutputAtMs + silenceMs(context) },
      ...(finalAtMs === undefined
        ? []
        : [{ name: "final", atMs: finalAtMs + limits.finalGraceMs } as const]),
      ...(context.isSnapshotting ? [] : [snapshotDeadline(context)]),
    ];
  }
  const standsStill =
    snapshot.matches({ live: { running: "paused" } }) ||
    snapshot.matches({ live: { running: "goingOn" } });
  if (standsStill && context.pausedAtMs !== undefined) {
    return [{ name: "pause", atMs: context.pausedAtMs + limits.pauseMaxMs }];
  }
  if (snapshot.matches({ live: { running: "terminating" } }) && context.stop) {
    const patienceMs = limits.killGraceMs + limits.harvestTimeoutMs + SLACK_MS;
    return [{ name: "kill", atMs: context.stop.atMs + patienceMs }];
  }
  if (snapshot.matches({ live: { running: "killing" } }) && context.killedAtMs !== undefined) {
    return [{ name: "gone", atMs: context.killedAtMs + limits.goneTimeoutMs }];
  }
  if (snapshot.matches({ live: "harvesting" }) && context.harvestingSinceMs !== undefined) {
    return [{ name: "collect", atMs: context.harvestingSinceMs + limits.collectTimeoutMs }];
  }
  return [];
}

/** An agent that is done within the first interval is never held up by one. */
function snapshotDeadline(context: AttemptContext): Deadline {
  const { limits, claimedAtMs, agentStartedAtMs = claimedAtMs, atMs, snapshotAtMs } = context;
  const sinceMs = snapshotAtMs ?? Math.max(agentStartedAtMs, atMs);
  const intervalMs = limits.snapshotIntervalMs ?? DEFAULT_SNAPSHOT_INTERVAL_MS;
  return { name: "snapshot", atMs: sinceMs + intervalMs };
}

/** The times of an attempt that goes on at `atMs`, as if it had never stood still: its timers did. */
export function withoutPause(context: AttemptContext, atMs: number): Partial<AttemptContext> {
  const { pausedAtMs = atMs, agentStartedAtMs, lastOutputAtMs, finalAtMs, snapshotAtMs } = context;
  const { stop } = context;
  const later = (timeMs: number) => Math.min(atMs, timeMs + atMs - pausedAtMs);
  return {
    lastOutputAtMs: later(lastOutputAtMs),
    ...(agentStartedAtMs !== undefined && { agentStartedAtMs: later(agentStartedAtMs) }),
    ...(finalAtMs !== undefined && { finalAtMs: later(finalAtMs) }),
    ...(snapshotAtMs !== undefined && { snapshotAtMs: later(snapshotAtMs) }),
    ...(stop && { stop: { ...stop, atMs: later(stop.atMs) } }),
  };
}

/** The next one to strike. */
export const nextDeadline = (snapshot: AttemptSnapshot): Deadline | undefined =>
  deadlinesOf(snapshot).reduce<Deadline | undefined>(
    (first, deadline) => (first && first.atMs <= deadline.atMs ? first : deadline),
    undefined,
  );

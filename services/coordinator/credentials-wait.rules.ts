import type { DecisionMessage, ProcessId } from "@pitaya/protocol";
import { liveAttempts } from "./demand.ts";
import type { RunActors } from "./domain/run-actors.ts";
import type { RunEntry } from "./run-entry.ts";

/** Until when a run in which nothing moves for want of credentials goes on waiting for them. */
export function waitsUntil(entry: RunEntry, waitMs: number): number | undefined {
  const { actors, fold } = entry;
  const size = (state: Parameters<RunActors["inState"]>[0]) => actors?.inState(state).size ?? 0;
  const busy = size("queued") + size("backingOff") + liveAttempts(entry) > 0;
  if (size("waitingForCredentials") === 0 || busy || actors?.stopping) return undefined;
  return fold.view.movedAt + waitMs;
}

/** It is interrupted in the end. */
export function waitedTooLong(
  entry: RunEntry,
  { now, waitMs, by }: { readonly now: number; readonly waitMs: number; readonly by: ProcessId },
): DecisionMessage["entries"] {
  const until = waitsUntil(entry, waitMs);
  if (until === undefined || now < until) return [];
  const reason = "nobody brought the credentials it waits for";
  return [{ type: "run.stopping", mode: "interrupt", by, reason }];
}

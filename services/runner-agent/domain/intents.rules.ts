import type { Intent } from "@pitaya/actors";
import type { AttemptSnapshot } from "./attempt.machine.ts";

export type AttemptIntent = Intent & {
  readonly id:
    | "record"
    | "fetch"
    | "prepare"
    | "run"
    | "snapshot"
    | "terminate"
    | "kill"
    | "harvest"
    | "upload"
    | "report"
    | "reportBarely"
    | "clean"
    | "destroy";
};

type Wanted = AttemptIntent["id"];

const byState = [
  [{ live: "claimed" }, ["record"]],
  [{ live: "fetching" }, ["fetch"]],
  [{ live: "preparing" }, ["prepare"]],
  [{ live: { running: "terminating" } }, ["run", "terminate"]],
  [{ live: { running: "killing" } }, ["run", "kill"]],
  [{ live: "running" }, ["run"]],
  [{ live: "harvesting" }, ["harvest"]],
  [{ live: "uploading" }, ["upload"]],
  [{ live: { reporting: "whole" } }, ["report"]],
  [{ live: { reporting: "bare" } }, ["reportBarely"]],
  [{ live: "cleaning" }, ["clean"]],
  ["sealed", ["destroy"]],
] as const satisfies readonly (readonly [
  Parameters<AttemptSnapshot["matches"]>[0],
  readonly Wanted[],
])[];

/** What the present state asks of the outside. Each may be asked again after a restart. */
export function intentsOf(snapshot: AttemptSnapshot): readonly AttemptIntent[] {
  const found = byState.find(([state]) => snapshot.matches(state));
  const wanted: readonly Wanted[] = found?.[1] ?? [];
  const isSnapshotWanted =
    snapshot.context.isSnapshotting && snapshot.matches({ live: { running: "working" } });
  return [...wanted, ...(isSnapshotWanted ? (["snapshot"] as const) : [])].map((id) => ({ id }));
}

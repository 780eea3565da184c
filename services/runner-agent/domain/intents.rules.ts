import type { Intent } from "@pitaya/actors";
import type { AttemptSnapshot } from "./attempt.machine.ts";

export type AttemptIntent = Intent & {
  readonly id:
    | "record"
    | "fetch"
    | "prepare"
    | "run"
    | "snapshot"
    | "unpause"
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
  [{ live: { running: "paused" } }, ["run"]],
  [{ live: { running: "goingOn" } }, ["run", "unpause"]],
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
  const asked: readonly Wanted[] = found?.[1] ?? [];
  const standsStill =
    snapshot.matches({ live: { running: "paused" } }) ||
    snapshot.matches({ live: { running: "goingOn" } });
  // Nothing in a container can be begun while it stands still, so it is adopted once it goes on.
  const isOutOfReach = standsStill && !snapshot.context.isInHand;
  const wanted = isOutOfReach ? asked.filter((id) => id !== "run") : asked;
  const isSnapshotWanted =
    snapshot.context.isSnapshotting && snapshot.matches({ live: { running: "working" } });
  return [...wanted, ...(isSnapshotWanted ? (["snapshot"] as const) : [])].map((id) => ({ id }));
}

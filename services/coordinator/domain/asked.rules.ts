import type { Decision } from "@pitaya/protocol";
import type { RunActors } from "./run-actors.ts";

/**
 * Whether a decision that was asked for from outside still means something when its turn comes: the
 * run may have moved on since. What is final, above all, stays as it is.
 */
export function isTimely(
  entry: Decision,
  { phase, stopping }: Pick<RunActors, "phase" | "stopping">,
): boolean {
  switch (entry.type) {
    case "run.stopping":
      return (phase === "submitted" || phase === "executing") && stopping !== entry.mode;
    case "run.resumed":
    case "run.cancelled":
      return phase === "interrupted";
    default:
      return true;
  }
}

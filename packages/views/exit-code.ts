import { exitCodeOf } from "@pitaya/protocol";
import type { RunView } from "./run-view.ts";

const FAILED_OUTCOME = 3;
const STOPPED = 2;

/**
 * The exit code of a run's own end. 0 also for work that was not committed; 2 interrupted or
 * cancelled; of a failed one, what decided it: 4 credentials, 5 budget, 1 the surroundings, where
 * every instance that failed did so for that reason, otherwise 3.
 *
 * @returns `undefined` while it runs
 */
export function exitCodeOfRun(view: RunView): number | undefined {
  switch (view.phase) {
    case "submitted":
    case "executing":
    case "finalizing":
      return undefined;
    case "succeeded":
      return 0;
    case "interrupted":
    case "cancelled":
      return STOPPED;
    case "failed":
      return exitCodeOfFailure(view);
    default:
      return view.phase satisfies never;
  }
}

function exitCodeOfFailure(view: RunView): number {
  const own = view.error ? exitCodeOf(view.error.code) : FAILED_OUTCOME;
  if (own !== FAILED_OUTCOME) return own;
  const failed = [...view.instances.values()].filter((row) => row.state === "failed");
  const codes = new Set(failed.map(({ error }) => (error ? exitCodeOf(error.code) : own)));
  const [only] = codes;
  return codes.size === 1 && only !== undefined ? only : FAILED_OUTCOME;
}

import { exitCodeOf } from "@pitaya/protocol";
import type { FollowEnd } from "./follow-run.ts";
import type { Role } from "./signals.rules.ts";

const SUCCESS = 0;
const INTERRUPTED = 2;

/**
 * The exit code of a command that followed a run: the run's own. The command that submitted it was
 * also asked for branches, so where the repository refused one a success is none; a command that only
 * watches says so and keeps to the run's.
 */
export function exitCodeOfFollow(end: FollowEnd, role: Role): number {
  if (end.how === "departed") return SUCCESS;
  if (end.how === "stack-gone") return INTERRUPTED;
  const code = end.summary.exit_code ?? SUCCESS;
  if (code !== SUCCESS || role === "watcher") return code;
  const refused = end.imports.find((result) => result.status === "refused");
  return refused?.status === "refused" ? exitCodeOf(refused.error.code) : SUCCESS;
}

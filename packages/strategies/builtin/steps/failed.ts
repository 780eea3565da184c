import type { JsonObject, StrategyOutcome } from "../../sdk.ts";

const MAX_REASON = 2_000;

export const failed = (
  reason: string,
  tasks: readonly string[],
  metadata: JsonObject = {},
): StrategyOutcome => ({
  status: "failed",
  reason: reason.slice(0, MAX_REASON).toWellFormed(),
  tasks,
  metadata,
});

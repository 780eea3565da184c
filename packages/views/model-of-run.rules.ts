import type { RunSpec } from "@pitaya/protocol";

/** The model of every task of the run's plugin that is told no other; null where the plugin decides. */
export function modelOfRun({
  strategy,
  agent,
}: Pick<RunSpec, "strategy" | "agent">): string | null {
  const { model } = strategy.params;
  return typeof model === "string" ? model : (agent.model ?? null);
}

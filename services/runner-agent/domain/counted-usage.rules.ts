import type { AgentResult, TokenUsage } from "@pitaya/plugins";

/**
 * The result with what the gateway saw the provider count, where that is more than the agent told: it
 * may have been ended before it could, or never tells. Less it is after a restart of the gateway.
 */
export function withCounted(result: AgentResult, counted: TokenUsage | undefined): AgentResult {
  if (counted === undefined || totalOf(counted) <= totalOf(result.usage)) return result;
  return { ...result, usage: counted };
}

const totalOf = (usage: TokenUsage | undefined): number =>
  Object.values(usage ?? {}).reduce((sum, tokens) => sum + tokens, 0);

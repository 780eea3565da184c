import type { TokenUsage } from "@pitaya/plugins";

export function addUsage(
  sum: TokenUsage | undefined,
  more: TokenUsage | undefined,
): TokenUsage | undefined {
  if (sum === undefined || more === undefined) return sum ?? more;
  return {
    inputTokens: sum.inputTokens + more.inputTokens,
    outputTokens: sum.outputTokens + more.outputTokens,
    cacheReadTokens: sum.cacheReadTokens + more.cacheReadTokens,
    cacheWriteTokens: sum.cacheWriteTokens + more.cacheWriteTokens,
  };
}

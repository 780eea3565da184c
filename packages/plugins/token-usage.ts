import type { TokenUsage } from "./plugin.port.ts";

export const NO_TOKENS: TokenUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
};

/** An agent can print any figures; a sum of them stays one that can be sent. */
const sum = (a: number, b: number) => Math.min(a + b, Number.MAX_SAFE_INTEGER);

export const addTokens = (a: TokenUsage, b: TokenUsage): TokenUsage => ({
  inputTokens: sum(a.inputTokens, b.inputTokens),
  outputTokens: sum(a.outputTokens, b.outputTokens),
  cacheReadTokens: sum(a.cacheReadTokens, b.cacheReadTokens),
  cacheWriteTokens: sum(a.cacheWriteTokens, b.cacheWriteTokens),
});

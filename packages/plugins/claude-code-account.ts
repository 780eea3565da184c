import type { Result, Tokens } from "./claude-code-lines.ts";
import type { TokenUsage } from "./plugin.port.ts";
import { addTokens, NO_TOKENS } from "./token-usage.ts";

/** Most message ids remembered: lines of one message stand together, or nearly so. */
const MAX_IDS = 256;

const count = (value: number | undefined) => Math.trunc(value ?? 0);

const usageOf = (tokens: Tokens): TokenUsage => ({
  inputTokens: count(tokens.input_tokens),
  outputTokens: count(tokens.output_tokens),
  cacheReadTokens: count(tokens.cache_read_input_tokens),
  cacheWriteTokens: count(tokens.cache_creation_input_tokens),
});

/** What this process alone used up to this result, over all models; absent where it is not told. */
function shareOf(result: Result): { usage: TokenUsage; costUsd: number } | undefined {
  const models = result.model_usage_since_last_result;
  if (models === undefined) return undefined;
  let usage = NO_TOKENS;
  let costUsd = 0;
  for (const model of Object.values(models)) {
    costUsd += model.costUSD ?? 0;
    usage = addTokens(usage, {
      inputTokens: count(model.inputTokens),
      outputTokens: count(model.outputTokens),
      cacheReadTokens: count(model.cacheReadInputTokens),
      cacheWriteTokens: count(model.cacheCreationInputTokens),
    });
  }
  return { usage, costUsd };
}

/** Tokens and money of one attempt, from what its output says. */
export interface ClaudeAccount {
  /** A message of the model, in any of its lines: counted once. Gives the usage so far if it grew. */
  message(id: string | undefined, tokens: Tokens | undefined): TokenUsage | undefined;
  result(result: Result): TokenUsage;
  /** Absent when nothing was told. */
  readonly usage: TokenUsage | undefined;
  readonly costUsd: number | undefined;
  readonly turns: number | undefined;
}

/**
 * A message's own figures are those of its beginning, without most of its output: they serve while
 * no result is there. A result tells what the process used since the one before; older CLIs only
 * tell the session's total, which for a resumed session is not this attempt's and so unknown.
 */
export function claudeAccount(options: { readonly resumed: boolean }): ClaudeAccount {
  const ids = new Set<string>();
  let known: TokenUsage | undefined;
  /** Of messages since the last result. */
  let since = NO_TOKENS;
  let costUsd: number | undefined;
  let turns: number | undefined;

  const soFar = () => addTokens(known ?? NO_TOKENS, since);

  return {
    message(id, tokens) {
      if (id === undefined || tokens === undefined || ids.has(id)) return undefined;
      ids.add(id);
      if (ids.size > MAX_IDS) for (const oldest of ids.keys().take(1)) ids.delete(oldest);
      const usage = usageOf(tokens);
      if (Object.values(usage).every((tokens) => tokens === 0)) return undefined;
      since = addTokens(since, usage);
      return soFar();
    },
    result(result) {
      const share = shareOf(result);
      const told = share?.usage ?? (result.usage ? usageOf(result.usage) : since);
      known = addTokens(known ?? NO_TOKENS, told);
      since = NO_TOKENS;
      turns = Math.min((turns ?? 0) + count(result.num_turns), Number.MAX_SAFE_INTEGER);
      if (share) costUsd = (costUsd ?? 0) + share.costUsd;
      else costUsd = options.resumed ? undefined : result.total_cost_usd;
      return known;
    },
    get usage() {
      return known === undefined && since === NO_TOKENS ? undefined : soFar();
    },
    get costUsd() {
      // What came after the last result is not in it.
      return since === NO_TOKENS ? costUsd : undefined;
    },
    get turns() {
      return turns;
    },
  };
}

import type { TokenUsage } from "./plugin.port.ts";

/** What a million tokens cost, in US dollars: standard rates of the provider's own service. */
interface Price {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** The day these were last compared with the providers' price lists. */
export const PRICES_AS_OF = "2026-10-06";

const price = (input: number, output: number, cacheRead: number, cacheWrite = input): Price => ({
  ...{ input, output, cacheRead, cacheWrite },
});

/**
 * For CLIs that tell tokens and no cost. A model that is not here has an unknown cost, never none: a
 * wrong figure would be worse. Rates change; a run's cost is an estimate wherever it comes from here.
 */
const PRICES: Readonly<Record<string, Price>> = {
  // OpenAI
  "gpt-6-astra": price(10, 50, 1, 12.5),
  "gpt-6.1-sol": price(2, 10, 0.1, 2.5),
  "gpt-6-sol": price(2, 10, 0.2, 2.5),
  "gpt-6-luna": price(0.1, 0.5, 0.01, 0.125),
  "gpt-5.6-sol": price(4, 20, 0.4, 5),
  "gpt-5.6-terra": price(2, 12, 0.2, 2.5),
  "gpt-5.6-luna": price(0.2, 1.2, 0.02, 0.25),
  "gpt-5.5": price(5, 30, 0.5),
  "gpt-5.4": price(2.5, 15, 0.25),
  "gpt-5.4-mini": price(0.75, 4.5, 0.075),
  "gpt-5.4-nano": price(0.2, 1.25, 0.02),
  "gpt-5.2": price(1.75, 14, 0.175),
  "gpt-5.1": price(1.25, 10, 0.125),
  "gpt-5": price(1.25, 10, 0.125),
  "gpt-5-mini": price(0.25, 2, 0.025),
  "gpt-5-nano": price(0.05, 0.4, 0.005),
  // Google
  "gemini-2.5-pro": price(1.25, 10, 0.125),
  "gemini-2.5-flash": price(0.3, 2.5, 0.03),
  "gemini-2.5-flash-lite": price(0.1, 0.4, 0.01),
};

/** Requests with more input cost more, all of their tokens. */
interface Tier {
  readonly aboveInputTokens: number;
  readonly input: number;
  readonly output: number;
}

const LONG: readonly (readonly [RegExp, Tier])[] = [
  [/^gpt-(6|5\.[456])/, { aboveInputTokens: 272_000, input: 2, output: 1.5 }],
  [/^gemini-2\.5-pro/, { aboveInputTokens: 200_000, input: 2, output: 1.5 }],
];

/** A name may end in the day of the model's release. */
const plainName = (model: string): string => model.replace(/-\d{4}-\d{2}-\d{2}$/, "");

const tierOf = (name: string): Tier | undefined => LONG.find(([models]) => models.test(name))?.[1];

const isLong = (tier: Tier | undefined, usage: TokenUsage): boolean =>
  tier !== undefined &&
  usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens > tier.aboveInputTokens;

/** What one request cost, in US dollars; undefined for a model without a price. */
export function costOf(model: string, usage: TokenUsage): number | undefined {
  const name = plainName(model);
  const found = Object.hasOwn(PRICES, name) ? PRICES[name] : undefined;
  if (found === undefined) return undefined;
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = usage;
  const tier = tierOf(name);
  const [times, outputTimes] = tier && isLong(tier, usage) ? [tier.input, tier.output] : [1, 1];
  const input =
    inputTokens * found.input +
    cacheReadTokens * found.cacheRead +
    cacheWriteTokens * found.cacheWrite;
  return (input * times + outputTokens * found.output * outputTimes) / 1_000_000;
}

/** What several requests cost together: undefined as well where that depends on how long each was. */
export const costOfAll = (model: string, usage: TokenUsage): number | undefined =>
  isLong(tierOf(plainName(model)), usage) ? undefined : costOf(model, usage);

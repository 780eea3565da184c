import { expect, it } from "vitest";
import { costOf, PRICES_AS_OF } from "./prices.ts";
import { NO_TOKENS } from "./token-usage.ts";

const SOME = {
  inputTokens: 100_000,
  outputTokens: 100_000,
  cacheReadTokens: 100_000,
  cacheWriteTokens: 10_000,
};

it("tells what a request cost, by kinds of tokens", () => {
  expect(costOf("gpt-6.1-sol", SOME)).toBeCloseTo(0.2 + 1 + 0.01 + 0.025, 9);
  expect(costOf("gpt-5.5", { ...NO_TOKENS, outputTokens: 1_000_000 })).toBe(30);
});

it("knows a model by the day of its release too, and no other by a part of its name", () => {
  expect(costOf("gpt-5.5-2026-04-23", SOME)).toBe(costOf("gpt-5.5", SOME));
  for (const model of ["gpt-5.5-turbo", "my/gpt-5.5", "", "constructor", "__proto__"]) {
    expect(costOf(model, SOME)).toBeUndefined();
  }
});

it("counts the higher rates of a request with much input", () => {
  const long = { ...NO_TOKENS, cacheReadTokens: 272_001, outputTokens: 1_000 };
  expect(costOf("gpt-5.5", long)).toBeCloseTo((272_001 * 0.5 * 2 + 1_000 * 30 * 1.5) / 1e6, 9);
  expect(costOf("gpt-5.1", long)).toBeCloseTo((272_001 * 0.125 + 1_000 * 10) / 1e6, 9);
});

it("says of which day its prices are", () => {
  expect(new Date(PRICES_AS_OF).toISOString()).toMatch(new RegExp(`^${PRICES_AS_OF}`));
});

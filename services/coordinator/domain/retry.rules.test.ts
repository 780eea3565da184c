import { expect, it } from "vitest";
import { backoffMs, mayRetry } from "./retry.rules.ts";

const overloaded = { code: "overloaded", message: "busy", retryable: true } as const;

it("doubles the pause from two seconds up to five minutes", () => {
  const pauses = [0, 1, 2, 3, 7, 8, 20].map((failures) => backoffMs(overloaded, failures, 0));
  expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 256_000, 300_000, 300_000]);
});

it("waits as long as the other side asked, and at most a quarter longer", () => {
  const error = { ...overloaded, retryAfterMs: 40_000 };
  expect(backoffMs(error, 5, 0)).toBe(40_000);
  expect(backoffMs(error, 5, 0.999)).toBeLessThanOrEqual(50_000);
});

it("retries by class and only as often as allowed", () => {
  expect(mayRetry(overloaded, { failures: 1, retries: 2 })).toBe(true);
  expect(mayRetry(overloaded, { failures: 2, retries: 2 })).toBe(false);
  expect(mayRetry({ ...overloaded, retryable: false }, { failures: 0, retries: 2 })).toBe(false);
});

import { buckets, streams } from "@pitaya/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { FULL_STORE_BYTES, streamConfigs } from "./stream-configs.rules.ts";

const MIB = 1024 ** 2;
const count = Object.keys(streams).length + Object.keys(buckets).length;
const sizes = (budget: number) => streamConfigs(1, budget).map((config) => config.max_bytes);

it("all streams together stay in the budget, and none is made useless", () => {
  fc.assert(
    fc.property(fc.integer({ min: count * MIB, max: 2 * FULL_STORE_BYTES }), (budget) => {
      const made = sizes(budget);
      expect(made.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(budget);
      expect(Math.min(...made)).toBeGreaterThanOrEqual(MIB);
    }),
  );
});

it("never asks for more than the descriptors do", () => {
  expect(sizes(4 * FULL_STORE_BYTES).reduce((sum, bytes) => sum + bytes, 0)).toBe(FULL_STORE_BYTES);
});

import { buckets, streams } from "@pitaya/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { byGrowth, FULL_STORE_BYTES, streamConfigs } from "./stream-configs.rules.ts";

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

it("a change of all sizes never reserves more on the way than before or after it", () => {
  const share = fc.integer({ min: 1, max: 100 });
  const before = fc.array(share, { minLength: count, maxLength: count });
  fc.assert(
    fc.property(
      before,
      fc.integer({ min: 20 * count * MIB, max: FULL_STORE_BYTES }),
      (parts, budget) => {
        const configs = streamConfigs(1, budget);
        const whole = parts.reduce((sum, part) => sum + part, 0);
        const there = new Map(
          configs.map(({ name }, i) => [name, Math.floor((budget * (parts[i] ?? 1)) / whole)]),
        );
        const reserved = new Map(there);
        const total = () => [...reserved.values()].reduce((sum, bytes) => sum + bytes, 0);
        for (const { name, max_bytes } of byGrowth(configs, there)) {
          reserved.set(name, max_bytes);
          expect(total()).toBeLessThanOrEqual(budget);
        }
      },
    ),
  );
});

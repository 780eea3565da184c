import { describe, expect, it } from "vitest";
import { POINTS, planOf, STRIKES } from "./plan.rules.ts";

const forty = Array.from({ length: 40 }, (_, seed) => planOf(seed + 1));

describe("a seed", () => {
  it("always gives the same plan, and another one another", () => {
    expect(planOf(7)).toEqual(planOf(7));
    const plans = new Set(forty.map(({ seed: _, ...plan }) => JSON.stringify(plan)));
    expect(plans.size).toBeGreaterThan(38);
  });

  it("names a point that the run comes to", () => {
    for (const { run, point } of forty) {
      const [, count = 0] = POINTS[run].find(([type]) => type === point.type) ?? [];
      expect(point.n).toBeGreaterThan(0);
      expect(point.n).toBeLessThanOrEqual(count);
    }
  });
});

it("forty in a row do everything to everything, in every kind of run", () => {
  const met = new Set(forty.map((p) => `${p.world} ${p.fault} ${p.target}`));
  expect([...met].sort()).toEqual(STRIKES.map((s) => `${s.world} ${s.fault} ${s.target}`).sort());
  expect(new Set(forty.map(({ run }) => run)).size).toBe(3);
});

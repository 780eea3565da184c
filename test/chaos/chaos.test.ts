import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildWorkingAgentImage } from "../support/working-agent/image.ts";
import { planOf, strikeText } from "./plan.rules.ts";
import { openSeeds, type Seeds } from "./seeds.ts";

/*
 * Some of the seeds that `npm run chaos -- --seeds 40` runs, one for each kind of part, and before all
 * those that found something.
 */
const SEEDS = [1, 2, 3, 6, 7, 10, 11, 12, 18, 96, 145];

const told: string[] = [];
let seeds: Seeds;

beforeAll(async () => {
  await buildWorkingAgentImage();
  seeds = openSeeds({ print: (line) => void told.push(line), report: console.log });
});
afterAll(async () => {
  expect(await seeds.close()).toEqual([]);
});

describe("a run comes to its end, whole and once, though somebody does", () => {
  it.each(SEEDS.map((seed) => ({ plan: planOf(seed), name: strikeText(planOf(seed)) })))(
    "$name (seed $plan.seed)",
    async ({ plan }) => {
      told.length = 0;
      const { wrong } = await seeds.run(plan);
      expect(wrong, told.join("\n")).toEqual([]);
    },
  );
});

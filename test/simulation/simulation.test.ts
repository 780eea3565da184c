import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CLEAR } from "./network.ts";
import { planOf } from "./plan.ts";
import { type Failed, playSeeds } from "./play-seeds.ts";
import { random } from "./random.ts";
import { REGRESSIONS } from "./regressions.ts";
import { simulate } from "./simulate.ts";

const SEEDS = Number(process.env["PITAYA_SIMULATION_SEEDS"] ?? 10_000);

async function traced(seed: number) {
  const lines: string[] = [];
  const result = await simulate(seed, { trace: (line) => lines.push(line) });
  return { result, lines };
}

/** What is needed to look into a seed that failed: its last events, and where all of them are. */
async function reportOf({ seed, violations }: Failed): Promise<string> {
  const { lines } = await traced(seed);
  const dir = await mkdtemp(join(tmpdir(), "pitaya-simulation-"));
  const file = join(dir, `seed-${seed}.txt`);
  await writeFile(file, lines.map((line) => `${line}\n`).join(""));
  return [
    `seed ${seed}: ${violations.join("; ")}`,
    `replay it with: node test/simulation/replay.ts ${seed}`,
    `all ${lines.length} lines of its trace: ${file}`,
    ...lines.slice(-60),
  ].join("\n");
}

describe("a simulated control plane", () => {
  it("comes to its outcome where nothing goes wrong", async () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const plan = { ...planOf(seed), weather: CLEAR, faults: [], skewMs: 0 };
      const { violations } = await simulate(seed, { plan });
      expect(violations, `seed ${seed}`).toEqual([]);
    }
  });

  it("loses nothing by an outage of the bus alone, however long", async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const chance = random(seed, "outage");
      const fault = { kind: "outage", forMs: chance.between(500, 120_000) } as const;
      const faults = [{ atStep: 60 + chance.below(300), fault }];
      const { violations } = await simulate(seed, {
        plan: { ...planOf(seed), weather: CLEAR, faults },
      });
      expect(violations, `seed ${seed}`).toEqual([]);
    }
  });

  it("plays the same seed the same way", async () => {
    for (const seed of [7, 20, 323, 339]) {
      expect((await traced(seed)).lines).toEqual((await traced(seed)).lines);
    }
  });

  it.each(REGRESSIONS)("passes seed $seed: $found", async ({ seed }) => {
    expect((await simulate(seed)).violations).toEqual([]);
  });

  it(`keeps every promise through the faults of ${SEEDS} seeds`, async () => {
    const { failed, events } = await playSeeds(SEEDS);
    console.log(`${SEEDS} seeds, ${events} events`);
    const [first] = failed;
    if (first === undefined) return;
    const others = failed.slice(1).map(({ seed, violations }) => `seed ${seed}: ${violations[0]}`);
    throw new Error([await reportOf(first), ...others.slice(0, 20)].join("\n"));
  });
});

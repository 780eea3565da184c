import { forgetRunner } from "../support/engine.ts";
import { WORKING_AGENT_IMAGE } from "../support/working-agent/image.ts";
import { embeddedWorld } from "./embedded-world.ts";
import { fleetWorld } from "./fleet-world.ts";
import { runSeed, type SeedResult } from "./one-seed.ts";
import type { Plan, WorldKind } from "./plan.rules.ts";
import { openStory, type Story } from "./story.ts";
import type { World } from "./world.ts";

/** What the user has set: an agent that needs no model, small containers, one retry. */
const USER_ENV = {
  ANTHROPIC_API_KEY: "sk-ant-chaos-not-a-real-key",
  PITAYA_RUNNER__DOCKER_IMAGE: WORKING_AGENT_IMAGE,
  PITAYA_RUNNER__CPU_LIMIT: "1",
  PITAYA_RUNNER__MEMORY_LIMIT: "256m",
  PITAYA_ORCHESTRATION__RETRIES: "1",
};

export interface SeedsOptions {
  /** Every step. */
  readonly print: (line: string) => void;
  /** What somebody who does not read every step has to know. */
  readonly report: (line: string) => void;
  /** Ends after the seed under way. */
  readonly signal?: AbortSignal;
}

/**
 * Runs seeds one after the other. A world serves all of its seeds until one goes wrong: the next
 * begins with a new one, and what the bad one left is looked at no further.
 */
export async function runSeeds(
  plans: readonly Plan[],
  { print, report, signal }: SeedsOptions,
): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  const worldStory = openStory("worlds", print);
  let story: Story = worldStory;
  const worlds = new Map<WorldKind, World>();
  const open = { fleet: fleetWorld, embedded: embeddedWorld };

  async function worldOf(kind: WorldKind): Promise<World> {
    const there = worlds.get(kind);
    if (there) return there;
    const engine = process.env["DOCKER_HOST"];
    const world = await open[kind]({ story: () => story, userEnv: USER_ENV, engine });
    worlds.set(kind, world);
    return world;
  }
  async function close(kind: WorldKind): Promise<readonly string[]> {
    const world = worlds.get(kind);
    if (world === undefined) return [];
    worlds.delete(kind);
    const left = await world.close();
    for (const { id } of world.runners) await forgetRunner(id);
    return left;
  }

  try {
    for (const plan of plans) {
      if (signal?.aborted) break;
      story = openStory(`seed-${plan.seed}`, print);
      const result = await runSeed(plan, await worldOf(plan.world), story);
      results.push(result);
      if (result.wrong.length === 0) {
        await story.forget();
        continue;
      }
      report(`seed ${plan.seed} went wrong: ${result.wrong[0]}`);
      report(`  logs: ${story.directory}`);
      report(`  again: npm run chaos -- --seed ${plan.seed}`);
      await close(plan.world);
    }
    story = worldStory;
    const left = [...(await close("fleet")), ...(await close("embedded"))];
    for (const line of left) report(`left at the end: ${line}`);
    const last = results.at(-1);
    if (last === undefined || left.length === 0) return results;
    return [...results.slice(0, -1), { ...last, wrong: [...last.wrong, ...left] }];
  } finally {
    story = worldStory;
    for (const kind of worlds.keys()) await close(kind);
    await worldStory.forget();
  }
}

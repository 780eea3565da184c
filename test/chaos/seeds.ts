import { randomBytes } from "node:crypto";
import { forgetRunner } from "../support/engine.ts";
import { WORKING_AGENT_IMAGE } from "../support/working-agent/image.ts";
import { fleetWorld } from "./fleet-world.ts";
import { runSeed, type SeedResult } from "./one-seed.ts";
import type { Plan } from "./plan.rules.ts";
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

/**
 * Runs seeds one after the other. The fleet's world serves all of its seeds until one goes wrong:
 * the next begins with a new world, and what the bad one left is looked at no further.
 */
export async function runSeeds(
  plans: readonly Plan[],
  { print }: { readonly print: (line: string) => void },
): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  let story: Story = openStory("world", print);
  let world: World | undefined;
  const close = async (): Promise<readonly string[]> => {
    const left = (await world?.close()) ?? [];
    for (const { id } of world?.runners ?? []) await forgetRunner(id);
    world = undefined;
    return left;
  };
  const worldStory = story;
  try {
    for (const plan of plans) {
      story = openStory(`seed-${plan.seed}-${randomBytes(2).toString("hex")}`, print);
      world ??= await fleetWorld({
        story: () => story,
        userEnv: USER_ENV,
        engine: process.env["DOCKER_HOST"],
      });
      const result = await runSeed(plan, world, story);
      results.push(result);
      if (result.wrong.length === 0) await story.forget();
      else {
        print(`logs: ${story.directory}`);
        print(`again: npm run chaos -- --seed ${plan.seed}`);
        await close();
      }
    }
    const left = await close();
    for (const line of left) print(`left at the end: ${line}`);
    return left.length === 0
      ? results
      : results.map((r, i) => (i === results.length - 1 ? { ...r, wrong: left } : r));
  } finally {
    await close();
    await worldStory.forget();
  }
}

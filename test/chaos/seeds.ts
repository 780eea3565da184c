import { copyFile } from "node:fs/promises";
import { basename } from "node:path";
import { removeRunner } from "../support/engine.ts";
import { WORKING_AGENT_IMAGE } from "../support/working-agent/image.ts";
import { engineAt } from "./containers.ts";
import { embeddedWorld } from "./embedded-world.ts";
import { fleetWorld } from "./fleet-world.ts";
import { runSeed, type SeedResult } from "./one-seed.ts";
import type { OwnEngine } from "./own-engine.ts";
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
  /** By default the one of the environment. */
  readonly engine?: OwnEngine | undefined;
}

export interface Seeds {
  run(plan: Plan): Promise<SeedResult>;
  /** Ends the worlds. @returns what is left of them */
  close(): Promise<readonly string[]>;
}

/**
 * Runs seeds one after the other. A world serves all of its seeds until one goes wrong: the next
 * begins with a new one, and what the bad one left is looked at no further.
 */
export function openSeeds({ print, report, engine }: SeedsOptions): Seeds {
  const worldStory = openStory("worlds", print);
  let story: Story = worldStory;
  const worlds = new Map<WorldKind, World>();
  const open = { fleet: fleetWorld, embedded: embeddedWorld };

  async function worldOf(kind: WorldKind): Promise<World> {
    const there = worlds.get(kind);
    if (there) return there;
    const world = await open[kind]({
      story: () => story,
      userEnv: USER_ENV,
      engine: engine?.address ?? process.env["DOCKER_HOST"],
      ...(engine && { struckEngine: engine.victim }),
    });
    worlds.set(kind, world);
    return world;
  }
  async function close(kind: WorldKind): Promise<readonly string[]> {
    const world = worlds.get(kind);
    if (world === undefined) return [];
    worlds.delete(kind);
    try {
      return await world.close();
    } finally {
      for (const { id } of world.runners) await removeRunner(id, engineAt(engine?.address));
    }
  }

  return {
    async run(plan) {
      story = openStory(`seed-${plan.seed}`, print);
      const result = await runSeed(plan, await worldOf(plan.world), story);
      if (result.wrong.length === 0) {
        await story.forget();
        return result;
      }
      report(`seed ${plan.seed} went wrong: ${result.wrong[0]}`);
      report(`  logs: ${story.directory}`);
      report(`  again: npm run chaos -- ${engine ? "--engine " : ""}--seed ${plan.seed}`);
      for (const log of worlds.get(plan.world)?.logs ?? []) {
        await copyFile(log, story.file(basename(log)));
      }
      for (const left of await close(plan.world)) report(`  left: ${left}`);
      return { ...result, logs: story.directory };
    },
    async close() {
      story = worldStory;
      const left = [...(await close("fleet")), ...(await close("embedded"))];
      await worldStory.forget();
      return left;
    },
  };
}

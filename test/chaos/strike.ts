import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { Running } from "../support/pitaya.ts";
import {
  agentVictim,
  containersOf,
  containerVictim,
  runningContainer,
  shimVictim,
  signals,
} from "./containers.ts";
import type { Plan } from "./plan.rules.ts";
import type { Seen } from "./run-watch.ts";
import type { Story } from "./story.ts";
import { together } from "./together.ts";
import type { Victim, World } from "./world.ts";

export interface StrikeOptions {
  readonly plan: Plan;
  readonly world: World;
  readonly engine: Docker;
  readonly story: Story;
  readonly point: Seen;
  readonly cli: Running;
  readonly signal: AbortSignal;
}

/** Strikes as planned, and heals. Resolves when everything that was struck is back. */
export async function strike(options: StrikeOptions): Promise<void> {
  const { plan, story } = options;
  const victim = await victimOf(options);
  if (plan.fault === "kill") {
    story.tell(`kill -9: ${victim.name}`);
    await victim.kill();
    await delay(plan.healAfterMs);
    await victim.bringBack();
    story.tell(`back: ${victim.name}`);
  } else {
    story.tell(`freeze: ${victim.name}`);
    await victim.freeze();
    await delay(plan.healAfterMs);
    await victim.thaw();
    story.tell(`thawed: ${victim.name}`);
  }
}

async function victimOf(options: StrikeOptions): Promise<Victim> {
  const { plan, world, engine, point, cli, signal } = options;
  const inContainer = () => runningContainer(engine, `pitaya.run=${point.run}`, signal);
  switch (plan.target) {
    case "cli": {
      const { pid } = cli.process;
      return { name: "cli", ...signals(pid === undefined ? [] : [pid]) };
    }
    case "agent":
      return agentVictim(engine, await inContainer(), "claude");
    case "container":
      return containerVictim(engine, await inContainer());
    case "shim":
      return shimVictim(engine, await inContainer());
    case "host": {
      const runner = point.runner ?? world.runners[0]?.id;
      const programs = await Promise.all([
        world.victim("runner-agent", runner),
        world.victim("warden", runner),
      ]);
      const containers = await containersOf(engine, `pitaya.runner=${runner}`);
      const all = [...programs, ...containers.map((id) => containerVictim(engine, id))];
      return together(`host of ${runner} with ${containers.length} containers`, all);
    }
    default:
      return world.victim(plan.target, point.runner);
  }
}

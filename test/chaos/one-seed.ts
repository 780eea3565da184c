import { rm, writeFile } from "node:fs/promises";
import { snapshotRepository } from "@pitaya/git/testing";
import { smallRepository } from "../support/pitaya.ts";
import { wrongAfter } from "./checks.ts";
import { engineAt } from "./containers.ts";
import { COMMANDS, journey } from "./journey.ts";
import { type Plan, strikeText } from "./plan.rules.ts";
import type { Story } from "./story.ts";
import { strike } from "./strike.ts";
import type { World } from "./world.ts";

/** A seed that is not through by then hangs. */
const LIMIT_MS = 120_000;

export interface SeedResult {
  readonly plan: Plan;
  readonly wrong: readonly string[];
  readonly seconds: number;
  /** Directory with the whole story, where something was wrong. */
  readonly logs?: string;
}

/** Runs one seed in a world that is whole, and leaves the world whole if nothing was wrong. */
export async function runSeed(plan: Plan, world: World, story: Story): Promise<SeedResult> {
  const startedAt = performance.now();
  story.tell(`seed ${plan.seed}: ${plan.run} in ${world.kind}, ${strikeText(plan)}`);
  const limit = AbortSignal.timeout(LIMIT_MS);
  const overdue = new Promise<never>((_, reject) => {
    limit.addEventListener("abort", () =>
      reject(new Error(`not through after ${LIMIT_MS / 1000} s`)),
    );
  });
  let wrong: readonly string[];
  try {
    wrong = await Promise.race([live(plan, world, story, limit), overdue]);
  } catch (error) {
    wrong = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  }
  for (const line of wrong) story.tell(`WRONG: ${line}`);
  const seconds = (performance.now() - startedAt) / 1000;
  story.tell(`${wrong.length === 0 ? "right" : "WRONG"} after ${seconds.toFixed(1)} s`);
  return { plan, wrong, seconds };
}

async function live(
  plan: Plan,
  world: World,
  story: Story,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const repository = await smallRepository();
  const before = await snapshotRepository(repository);
  const runsBefore = world.watch.runs;
  const engine = engineAt(world.engine);
  await world.whole();

  const { type, n } = plan.point;
  const reached = world.watch.point(type, n, runsBefore);
  const args = [...COMMANDS[plan.run], "--no-tui"];
  story.tell(`pitaya ${args.join(" ")}`);
  const cli = world.pitaya(args, repository);
  let healed = false;
  const striking = reached.then(async (point) => {
    await strike({ plan, world, engine, story, point, cli, signal });
    healed = true;
  });
  striking.catch(() => undefined);
  const missed = async () => {
    // The command can end before its last event is heard of here.
    await Promise.race([striking, new Promise((done) => setTimeout(done, 10_000))]);
    if (!healed) throw new Error(`the point ${type} ${n} was not reached`);
  };
  const done = await journey(world, plan.run, repository, cli, runsBefore, missed, story);
  const outputs = done.commands.map(
    ({ args: typed, code, stdout, stderr }) =>
      `$ pitaya ${typed.join(" ")}\n${stdout}${stderr}exit ${code}\n`,
  );
  await writeFile(story.file("commands.txt"), outputs.join("\n"));
  const wrong = await wrongAfter({ plan, world, repository, before, journey: done, story });
  if (wrong.length === 0) await rm(repository, { recursive: true, force: true });
  else story.tell(`the repository is ${repository}`);
  return wrong;
}

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type RepositorySnapshot, testGit } from "@pitaya/git/testing";
import type { RunView } from "@pitaya/views";
import { leftOnEngine } from "../support/engine.ts";
import { branchesOf } from "../support/pitaya.ts";
import { forbiddenChanges } from "../support/unchanged.ts";
import { engineAt } from "./containers.ts";
import { COMMANDS, EXIT_CODES, type Journey } from "./journey.ts";
import type { Plan, RunKind } from "./plan.rules.ts";
import type { Story } from "./story.ts";
import type { World } from "./world.ts";

interface Expected {
  readonly phase: RunView["phase"];
  readonly branches: number;
  readonly executions: number;
}

const EXPECTED: Readonly<Record<RunKind, Expected>> = {
  simple: { phase: "succeeded", branches: 5, executions: 5 },
  "two-stage": { phase: "succeeded", branches: 3, executions: 1 },
  "all-fail": { phase: "failed", branches: 0, executions: 1 },
};

/** What every branch holds, however often its agent was begun again. */
const WORK = "1\n2\n3";

export interface After {
  readonly plan: Plan;
  readonly world: World;
  readonly repository: string;
  readonly before: RepositorySnapshot;
  readonly journey: Journey;
  readonly story: Story;
}

/** Everything that must hold once all is healed and the run has ended. @returns what does not */
export async function wrongAfter(after: After): Promise<readonly string[]> {
  const { world, repository, before, journey } = after;
  const view = world.watch.view(journey.run);
  if (view === undefined) return [`${journey.run} is not in the log`];
  const found = await Promise.all([
    outcome(after, view),
    branches(after, view),
    forbiddenChanges(repository, before).then((changes) => changes.map((c) => `changed: ${c}`)),
    leftBehind(after),
    said(after, ["verify", journey.run]),
    log(after, view),
  ]);
  return found.flat();
}

/** What the command itself finds. */
async function said(
  { world, repository, story }: After,
  args: readonly string[],
): Promise<string[]> {
  const { code, stdout, stderr } = await world.pitaya(args, repository).finished;
  story.tell(`pitaya ${args.join(" ")}: exit ${code}`);
  return code === 0 ? [] : [`pitaya ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`];
}

/** First what can be seen from outside, since that waits for the clean-up under way. */
async function leftBehind(after: After): Promise<string[]> {
  const { world, journey } = after;
  const [onEngine, inDirectories] = await Promise.all([
    leftOnEngine([journey.run], engineAt(world.engine)),
    leftInDirectories(world, journey.run),
  ]);
  const seen = [...onEngine.map((left) => `left: ${left}`), ...inDirectories];
  // A runner that is not back yet cannot say what is on its host.
  await world.whole();
  return [...seen, ...(await said(after, ["gc", "--verify"]))];
}

async function outcome({ plan, journey }: After, view: RunView): Promise<string[]> {
  const expected = EXPECTED[plan.run];
  const wrong: string[] = [];
  if (view.phase !== expected.phase) wrong.push(`the run is ${view.phase}, not ${expected.phase}`);
  if (view.executions.size !== expected.executions) {
    wrong.push(`${view.executions.size} strategy executions, not ${expected.executions}`);
  }
  const [first] = journey.commands;
  // Whoever is not struck itself sees only a pause.
  if (plan.target !== "cli" && first?.code !== EXIT_CODES[plan.run]) {
    wrong.push(
      `pitaya ${COMMANDS[plan.run].join(" ")} ended with ${first?.code}: ${first?.stderr}`,
    );
  }
  return wrong;
}

async function branches({ plan, repository, journey }: After, view: RunView): Promise<string[]> {
  const here = await branchesOf(repository);
  const wrong: string[] = [];
  const expected = EXPECTED[plan.run].branches;
  if (here.length !== expected) wrong.push(`${here.length} branches, not ${expected}: ${here}`);
  const base = (await testGit(repository, ["rev-parse", "main"])).trim();
  for (const row of view.instances.values()) {
    if (row.state !== "succeeded" || row.branch === undefined) continue;
    if (!here.includes(row.branch)) {
      wrong.push(`no branch ${row.branch}`);
      continue;
    }
    const ref = `refs/heads/${row.branch}`;
    const commit = (await testGit(repository, ["rev-parse", ref])).trim();
    const counts = row.succeeded?.work?.commit;
    if (commit !== counts) wrong.push(`${row.branch} is ${commit}, and what counts is ${counts}`);
    const parent = (await testGit(repository, ["rev-parse", `${ref}^`])).trim();
    if (parent !== base) wrong.push(`${row.branch} has more than one commit`);
    const work = (await testGit(repository, ["show", `${ref}:work.txt`])).trim();
    if (work !== WORK) wrong.push(`${row.branch} holds ${JSON.stringify(work)}`);
  }
  const foreign = here.filter((branch) => !branch.includes(journey.run));
  return [...wrong, ...foreign.map((branch) => `a branch of another run: ${branch}`)];
}

/** For a runner that has just come back to look through what it finds. */
const CLEAN_UP_MS = 20_000;

/** What a runner keeps of attempts that are over. */
async function leftInDirectories(world: World, run: string): Promise<string[]> {
  const deadline = performance.now() + CLEAN_UP_MS;
  for (;;) {
    const found: string[] = [];
    for (const { id, stateDir } of world.runners) {
      const files = await readdir(stateDir, { recursive: true }).catch(() => []);
      found.push(...files.filter((file) => file.includes(run)).map((file) => join(id, file)));
    }
    if (found.length === 0 || performance.now() > deadline) {
      return found.map((file) => `left: ${file}`);
    }
    await delay(50);
  }
}

/** Invariants of the log that can be seen in its fold. */
async function log({ plan, world, journey }: After, view: RunView): Promise<string[]> {
  const wrong: string[] = [];
  for (const event of world.watch.events(journey.run)) {
    if (event.kind === "unreadable") wrong.push(`unreadable: ${event.reason} on ${event.subject}`);
  }
  for (const row of view.instances.values()) {
    const name = `${row.key} (${row.instance})`;
    const ends = row.attempts.map(({ attempt, end }) => `${attempt}: ${end?.type ?? "open"}`);
    const numbers = row.attempts.map(({ attempt }) => attempt);
    if (numbers.some((attempt, index) => attempt !== index + 1)) {
      wrong.push(`${name} has the attempts ${numbers}`);
    }
    if (row.attempts.some(({ end }) => end === undefined)) wrong.push(`${name} has ${ends}`);
    const succeeded = row.attempts.filter(({ end }) => end?.type === "attempt.succeeded").length;
    const should = row.state === "succeeded" ? 1 : 0;
    if (succeeded !== should) wrong.push(`${name} is ${row.state} with ${ends}`);
    if (plan.run === "all-fail" ? row.state !== "failed" : row.state !== "succeeded") {
      wrong.push(`${name} is ${row.state}: ${row.error?.code} ${row.error?.message}`);
    }
  }
  return wrong;
}

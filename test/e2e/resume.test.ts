import { watch } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Step } from "../support/model-server/scenario.ts";
import {
  branchesOf,
  jsonLines,
  type Person,
  processesOf,
  RUN_ID,
  type Running,
  resultOf,
} from "../support/pitaya.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

const NO_KEY = { ANTHROPIC_API_KEY: "" };
const WORK: readonly Step[] = [
  { bash: "date +%N > made.txt && git add made.txt && git commit -q -m 'Add made.txt'" },
  { text: "Added made.txt." },
];

/** For one attempt: the agent CLI itself tries again twice. */
const rateLimited = (retryAfter: string): Step => ({
  error: {
    status: 429,
    type: "rate_limit_error",
    message: "Please try again later.",
    headers: { "retry-after": retryAfter },
  },
  times: 3,
});

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

/** Of each instance of a run how it stands, as `show` tells it. */
async function instancesOf(user: Person, cwd: string, run: string) {
  const { stdout } = await user.run(["show", run, "--json"], { cwd });
  const { results } = JSON.parse(stdout) as { results: Record<string, unknown>[] };
  return new Map(results.map((row) => [String(row["instance_id"]), row]));
}

/** Nothing of this person's runs any more, and no process had the time to say goodbye. */
async function killEverything(user: Person, command: Running): Promise<void> {
  for (const { pid } of await processesOf(user)) process.kill(pid, "SIGKILL");
  command.process.kill("SIGKILL");
  await command.finished;
}

describe("a run of two, interrupted when one is done, and resumed", () => {
  it("keeps what was done as it was, runs nothing twice, and loses no line of its log", async () => {
    const { user, model, modelFor } = stack;
    const cwd = await stack.repository();
    const { url, id } = modelFor([{ hang: true, times: 1 }, ...WORK]);
    const run = user.start(["add a file", "--runs", "2", "--no-tui", "--base-url", url], { cwd });
    const [runId] = await run.saw(RUN_ID);
    await run.saw(/ completed branch=/);
    // Only with its strategy's outcome is all said of it.
    await run.saw(/ strategy s\d success/);
    run.process.kill("SIGINT");
    expect((await run.finished).code).toBe(2);

    const before = await instancesOf(user, cwd, runId);
    const [done] = [...before.values()].filter((row) => row["status"] === "completed");
    const doneId = String(done?.["instance_id"]);
    const [branch = ""] = await branchesOf(cwd);
    const commit = await testGit(cwd, ["rev-parse", branch]);
    const file = await resultOf(cwd, runId, `instances/${doneId}.json`);
    const logFile = join(cwd, ".pitaya", "logs", runId, "events.jsonl");
    const lines = await readFile(logFile, "utf8");
    // As a rotation of logs would have it.
    await rm(join(cwd, ".pitaya", "logs"), { recursive: true });

    const resumed = await user.run(["resume", runId, "--no-tui"], { cwd });
    expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });

    expect(await testGit(cwd, ["rev-parse", branch])).toBe(commit);
    expect(await branchesOf(cwd)).toHaveLength(2);
    expect(await resultOf(cwd, runId, `instances/${doneId}.json`)).toBe(file);
    const after = await instancesOf(user, cwd, runId);
    expect(after.get(doneId)).toEqual(before.get(doneId));
    const attempts = [...after.values()].map((row) => row["attempts"]);
    expect(attempts.sort()).toEqual([1, 2]);
    const begun = model.requests(id).filter(({ step }) => step === 0);
    expect(begun).toHaveLength(3);
    expect((await readFile(logFile, "utf8")).startsWith(lines)).toBe(true);
  });
});

describe("an agent interrupted in the middle of its work", () => {
  it("goes on from its conversation and its files when the run is resumed", async () => {
    const { user, model, modelFor } = stack;
    const cwd = await stack.repository();
    const { url, id } = modelFor(({ prompt, step }) => {
      if (!prompt.includes("You were interrupted"))
        return step === 0 ? { bash: "echo draft > draft.txt" } : { hang: true };
      const finish = "cat draft.txt && git add draft.txt && git commit -q -m 'Add draft.txt'";
      return step === 0 ? { bash: finish } : { text: "Finished the draft." };
    });
    const run = user.start(["write a draft", "--no-tui", "--base-url", url], { cwd });
    const [runId] = await run.saw(RUN_ID);
    await model.requested(id, 2);
    run.process.kill("SIGINT");
    expect((await run.finished).code).toBe(2);
    const resumed = await user.run(["resume", runId, "--no-tui"], { cwd });
    expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });

    const conversation = JSON.stringify(model.requests(id)[2]?.body);
    for (const said of ["write a draft", "echo draft > draft.txt", "You were interrupted"])
      expect(conversation).toContain(said);
    const [branch = ""] = await branchesOf(cwd);
    expect(await testGit(cwd, ["show", `${branch}:draft.txt`])).toBe("draft");
  });
});

describe("a command killed just after it brought a branch in", () => {
  it("leaves one branch, which the next command finds in place", async () => {
    const { user, modelFor } = stack;
    const cwd = await stack.repository();
    const refs = join(cwd, ".git", "refs", "heads");
    await mkdir(refs, { recursive: true });
    const { url } = modelFor(WORK);
    const imported = new Promise<void>((resolve) => {
      const watcher = watch(refs, { recursive: true }, (_, name) => {
        if (!/\/k[0-9a-f]{8}$/.test(name ?? "")) return;
        watcher.close();
        resolve();
      });
    });
    const run = user.start(["add a file", "--no-tui", "--base-url", url], { cwd });
    const [runId] = await run.saw(RUN_ID);
    await imported;
    run.process.kill("SIGKILL");
    await run.finished;
    const commit = await testGit(cwd, ["rev-parse", ...(await branchesOf(cwd))]);
    const attached = await user.run(["attach", runId, "--no-tui"], { cwd });
    expect({ code: attached.code, stderr: attached.stderr }).toMatchObject({ code: 0 });
    expect(await testGit(cwd, ["rev-parse", ...(await branchesOf(cwd))])).toBe(commit);
    const [row] = (await instancesOf(user, cwd, runId)).values();
    expect(row).toMatchObject({ attempts: 1, import_error: null });
    expect(row?.["imported_ref"]).toMatch(/^refs\/heads\/pitaya\//);
  });
});

describe("a run in which everything failed", () => {
  it("does not exit 0, of however many executions", async () => {
    const { user, modelFor } = stack;
    const cwd = await stack.repository();
    const { url } = modelFor("refusal");
    const args = ["add a file", "--runs", "2", "--json", "--base-url", url];
    const { code, stdout } = await user.run(args, { cwd });
    expect(code).toBe(3);
    expect(jsonLines(stdout).at(-1)).toMatchObject({
      type: "run.summary",
      payload: { status: "failed", failed_instances: 2 },
    });
  });
});

describe("a run that may have one agent at a time", () => {
  it("lets the next one work while the provider makes the first one wait, and says for how long", async () => {
    const { user, modelFor } = stack;
    const cwd = await stack.repository();
    const { url } = modelFor([rateLimited("2"), ...WORK]);
    const args = ["add a file", "--runs", "2", "--max-parallel", "1", "--base-url", url];
    const run = user.start([...args, "--no-tui"], { cwd });
    const [runId] = await run.saw(RUN_ID);
    const { code, stderr } = await run.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(run.output()).toMatch(
      /trying again in [2-9](\.\d+)?s: rate_limited: .*\(Try again later/,
    );

    const log = jsonLines((await user.run(["events", runId, "--json"], { cwd })).stdout);
    const entries = log.flatMap(
      ({ message }) => (message as { entries?: Record<string, unknown>[] }).entries ?? [],
    );
    const { instance: limited } = entries.find(({ type }) => type === "instance.backingOff") ?? {};
    const order = entries.flatMap(({ type, instance }) => {
      const who = instance === limited ? "limited" : "other";
      return type === "attempt.placed" || type === "instance.backingOff" ? [`${who} ${type}`] : [];
    });
    expect(order).toEqual([
      "limited attempt.placed",
      "limited instance.backingOff",
      "other attempt.placed",
      "limited attempt.placed",
    ]);
  });
});

describe("everything killed while an instance pauses before its next attempt", () => {
  it("waits for credentials, says so, and makes one attempt when they come, not before its time", async () => {
    const { user, modelFor } = stack;
    const cwd = await stack.repository();
    const { url } = modelFor([rateLimited("1"), ...WORK]);
    const run = user.start(["add a file", "--no-tui", "--base-url", url], { cwd });
    const [runId] = await run.saw(RUN_ID);
    await run.saw(/trying again in/);
    await killEverything(user, run);

    const freed = `set ANTHROPIC_API_KEY, then: pitaya attach ${runId}`;
    const watching = user.start(["attach", runId, "--no-tui"], { cwd, env: NO_KEY });
    await watching.saw(/waiting for credentials/);
    expect(watching.output()).toContain(freed);
    expect((await user.run(["show", runId], { cwd })).stdout).toContain(freed);
    await expect.poll(async () => (await user.run(["status"], { cwd })).stdout).toContain(freed);

    const attached = await user.run(["attach", runId, "--no-tui"], { cwd });
    expect({ code: attached.code, stderr: attached.stderr }).toMatchObject({ code: 0 });
    expect((await watching.finished).code).toBe(0);
    expect(await branchesOf(cwd)).toHaveLength(1);

    const log = jsonLines((await user.run(["events", runId, "--json"], { cwd })).stdout);
    const entries = log.flatMap(({ time, message }) =>
      ((message as { entries?: Record<string, unknown>[] }).entries ?? []).map((entry) => ({
        type: String(entry["type"]),
        delayMs: Number(entry["delayMs"]),
        at: Date.parse(String(time)),
      })),
    );
    const of = (type: string) => entries.filter((entry) => entry.type === type);
    const pauses = of("instance.backingOff");
    const placed = of("attempt.placed");
    expect([pauses.length, placed.length]).toEqual([1, 2]);
    const dueAt = (pauses[0]?.at ?? 0) + (pauses[0]?.delayMs ?? 0);
    expect(placed[1]?.at).toBeGreaterThanOrEqual(dueAt);
  });
});

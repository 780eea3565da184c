import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { type ModelServer, startModelServer } from "../support/model-server/model-server.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import {
  branchesOf,
  jsonLines,
  type Person,
  person,
  processesOf,
  resultOf,
  smallRepository,
} from "../support/pitaya.ts";

const RUN_ID = /run_\d{8}_\d{6}_[0-9a-f]{8}/;
const KEY = { ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key" };

let model: ModelServer;
const dirs: string[] = [];
const people: Person[] = [];
let scenarios = 0;

beforeAll(async () => {
  model = await startModelServer({ host: "0.0.0.0", port: 0 });
});
afterAll(() => model.close());
afterEach(async () => {
  for (const user of people.splice(0)) await user.leave();
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true, force: true });
});

async function newPerson(): Promise<Person> {
  const user = await person(KEY);
  people.push(user);
  return user;
}
async function repository(): Promise<string> {
  const dir = await smallRepository();
  dirs.push(dir);
  return dir;
}
/** Where an agent finds a model that follows this scenario, and the id of its requests. */
function modelFor(scenario: string | Scenario): { readonly url: string; readonly id: string } {
  scenarios += 1;
  const id = `lifecycle-${scenarios}`;
  return { id, url: model.url(scenario, id, "host.docker.internal") };
}
describe("the embedded stack", () => {
  it("is started once by ten invocations at the same moment, and runs all ten", async () => {
    const user = await newPerson();
    const repositories = await Promise.all(Array.from({ length: 10 }, repository));
    const { url } = modelFor("ok");
    const runs = await Promise.all(
      repositories.map((cwd) => user.run(["add a greeting", "--json", "--base-url", url], { cwd })),
    );
    expect(runs.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(Array(10).fill(0));
    for (const cwd of repositories) expect(await branchesOf(cwd)).toHaveLength(1);
    const servers = (await processesOf(user)).filter((p) => p.command.includes("nats-server"));
    expect(servers).toHaveLength(1);
  });

  it("killed with -9 under a live run comes back, and the run finishes", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url, id } = modelFor("okslow");
    const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    await model.requested(id, 1);
    for (const { pid, command } of await processesOf(user)) {
      const isClient = pid === run.process.pid || command.includes("add a greeting");
      if (!isClient && !command.includes("nats-server")) process.kill(pid, "SIGKILL");
    }
    const { code, stderr } = await run.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(cwd)).toHaveLength(1);
  });

  it("serves two terminals at once, in the same repository", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url } = modelFor("ok");
    const both = await Promise.all(
      [1, 2].map(() => user.run(["add a greeting", "--json", "--base-url", url], { cwd })),
    );
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await branchesOf(cwd)).toHaveLength(2);
  });

  it("ends with `pitaya down`, and leaves no process and no container", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url } = modelFor("ok");
    await user.run(["add a greeting", "--base-url", url], { cwd });
    expect((await user.run(["status"], { cwd })).code).toBe(0);
    expect((await user.run(["down"], { cwd })).code).toBe(0);
    expect(await processesOf(user)).toEqual([]);
  });
});

describe("a run outlives its terminal:", () => {
  it("killed with -9, `attach` brings the branch and the run's exit code", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url, id } = modelFor("okslow");
    const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    const [runId = ""] = await run.saw(RUN_ID);
    await model.requested(id, 1);
    run.process.kill("SIGKILL");
    await run.finished;
    expect(await branchesOf(cwd)).toEqual([]);
    const attached = await user.run(["attach", runId, "--no-tui"], { cwd });
    expect({ code: attached.code, stderr: attached.stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(cwd)).toHaveLength(1);
  });

  it("detached at once, and `import` brings the branch, again after it was deleted", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url } = modelFor("ok");
    const started = await user.run(["add a greeting", "--detach", "--base-url", url], { cwd });
    expect(started.code).toBe(0);
    const runId = RUN_ID.exec(started.stdout)?.[0] ?? "";
    await user.run(["attach", runId, "--no-tui"], { cwd });
    const [branch = ""] = await branchesOf(cwd);
    await testGit(cwd, ["branch", "--quiet", "-D", branch]);
    expect((await user.run(["import", runId], { cwd })).code).toBe(0);
    expect(await branchesOf(cwd)).toEqual([branch]);
  });
});

describe("Ctrl-C", () => {
  it("once interrupts: containers stop, the state stays, and `resume` goes on", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url, id } = modelFor([
      { hang: true, times: 1 },
      { bash: "echo hello > hello.txt && git add hello.txt && git commit -q -m 'Add hello.txt'" },
      { text: "Added hello.txt." },
    ]);
    const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    const [runId = ""] = await run.saw(RUN_ID);
    await model.requested(id, 1);
    run.process.kill("SIGINT");
    const { code, stderr, stdout } = await run.finished;
    expect(code).toBe(2);
    expect(stderr + stdout).toContain(`pitaya resume ${runId}`);
    expect(await leftOnEngine([runId])).toEqual([]);
    const shown = await user.run(["show", runId, "--json"], { cwd });
    expect(JSON.parse(shown.stdout)).toMatchObject({ status: "interrupted" });
    const resumed = await user.run(["resume", runId, "--no-tui"], { cwd });
    expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(cwd)).toHaveLength(1);
    const again = await user.run(["resume", runId, "--no-tui"], { cwd });
    expect(again.code).toBe(0);
    expect(again.stderr + again.stdout).toMatch(/completed|already/);
  });

  it("twice leaves at once and says what goes on", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url, id } = modelFor("hang");
    const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    const [runId = ""] = await run.saw(RUN_ID);
    await model.requested(id, 1);
    run.process.kill("SIGINT");
    run.process.kill("SIGINT");
    const { code, stderr } = await run.finished;
    expect(code).toBe(2);
    expect(stderr).toContain(runId);
  });

  it("by SIGTERM is the same as once", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url, id } = modelFor("hang");
    const run = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    const [runId = ""] = await run.saw(RUN_ID);
    await model.requested(id, 1);
    run.process.kill("SIGTERM");
    expect((await run.finished).code).toBe(2);
    expect(await leftOnEngine([runId])).toEqual([]);
  });
});

describe("the commit contract", () => {
  it("is told to the agent: one that commits only if told leaves a branch", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url } = modelFor("commits-if-told");
    const { code } = await user.run(["add a greeting", "--json", "--base-url", url], { cwd });
    expect(code).toBe(0);
    expect(await branchesOf(cwd)).toHaveLength(1);
  });

  it("unkept is told to the user: uncommitted work is kept, and `import --uncommitted` brings it", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url } = modelFor("edits-never-commits");
    const { code, stdout, stderr } = await user.run(
      ["add a greeting", "--no-tui", "--base-url", url],
      { cwd },
    );
    expect(code).toBe(0);
    const runId = RUN_ID.exec(stdout + stderr)?.[0] ?? "";
    expect(stdout + stderr).toMatch(/uncommitted/);
    expect(stdout + stderr).toContain(`pitaya import ${runId} --uncommitted`);
    expect(stdout + stderr).toContain("--force-commit");
    expect(await branchesOf(cwd)).toEqual([]);
    expect((await user.run(["import", runId, "--uncommitted"], { cwd })).code).toBe(0);
    const [branch = ""] = await branchesOf(cwd);
    expect(await testGit(cwd, ["show", `${branch}:hello.txt`])).not.toBe("");
  });

  it("forced: `--force-commit` commits what the agent did not", async () => {
    const user = await newPerson();
    const cwd = await repository();
    const { url } = modelFor("edits-never-commits");
    const args = ["add a greeting", "--force-commit", "--json", "--base-url", url];
    const { code, stdout } = await user.run(args, { cwd });
    expect(code).toBe(0);
    expect(await branchesOf(cwd)).toHaveLength(1);
    const run = String(jsonLines(stdout).at(-1)?.["run_id"]);
    const summary = JSON.parse(await resultOf(cwd, run, "summary.json"));
    expect(summary).toMatchObject({ run_id: run, status: "completed", completed_instances: 1 });
    expect((await resultOf(cwd, run, "branches.txt")).trim()).toMatch(/^pitaya\/simple\//);
    expect(await readFile(join(cwd, ".pitaya", "logs", run, "events.jsonl"), "utf8")).toContain(
      "task.completed",
    );
  });
});

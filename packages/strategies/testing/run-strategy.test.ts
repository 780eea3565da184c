import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineStrategy } from "../sdk.ts";
import { runStrategy, type TestRun } from "./run-strategy.ts";

/** Two candidates, tested; the quicker one is refined. */
const twoStages = defineStrategy({
  name: "two-stages",
  params: z.object({ hint: z.string().default("better") }),
  async execute({ prompt, params }, ctx) {
    const candidates = ["a", "b"].map((name) =>
      ctx.run({ prompt: `${prompt} ${name}` }, { key: name }),
    );
    const first = await ctx.race(candidates);
    if (first.status === "failed") return { status: "failed", tasks: [], reason: "no first" };
    for (const other of candidates) if (other.key !== first.key) ctx.cancel(other);
    const [, gone] = await ctx.waitAll(candidates, { tolerateFailures: true });
    ctx.log(`${gone?.status} ${ctx.now()}`);
    const { branch = "" } = first.result;
    const refined = ctx.run({ prompt: params.hint, baseBranch: branch }, { key: "refined" });
    const result = await ctx.wait(refined);
    const tests = ctx.run(
      { verify: { command: "npm test" }, baseBranch: result.branch ?? "" },
      { key: "tests" },
    );
    const { verify } = await ctx.wait(tests);
    await ctx.sleep(5_000);
    const text = await ctx.readFile(result.branch ?? "", "a.txt");
    const none = await ctx.readFile(branch, "none.txt");
    return {
      status: verify?.passed ? "succeeded" : "failed",
      tasks: [refined.key],
      chosen: refined.key,
      metadata: { text: text ?? "", none: none === undefined, at: ctx.now(), by: ctx.rand() },
      files: { "report.md": "# fine" },
    };
  },
});

const run: TestRun = {
  repository: { "a.txt": "0" },
  script: ({ key, prompt, readFile }) => {
    if (key === "a") return { files: { "a.txt": "1" }, message: "did a", afterMs: 10 };
    if (key === "b") return { files: { "a.txt": "2" }, afterMs: 20 };
    if (key === "tests") return { exitCode: 0, stdout: '{"score": 0.5}' };
    return { files: { "a.txt": `${readFile("a.txt")}+${prompt}` }, costUsd: 0.5 };
  },
};

describe("the test context", () => {
  it("plays a strategy against its script", async () => {
    const { outcome, tasks, task, log, elapsedMs } = await runStrategy(twoStages, run);
    expect(outcome).toMatchObject({
      status: "succeeded",
      chosen: "refined",
      metadata: { text: "1+better", none: true },
      files: { "report.md": "# fine" },
    });
    expect(tasks.map(({ key, end }) => [key, end?.status])).toEqual([
      ["a", "succeeded"],
      ["b", "failed"],
      ["refined", "succeeded"],
      ["tests", "succeeded"],
    ]);
    expect(task("b").end).toMatchObject({ failure: { errorType: "cancelled" } });
    expect(task("refined").task).toMatchObject({ baseBranch: "pitaya/a" });
    expect(log[0]).toMatch(/^failed \d+$/);
    expect(elapsedMs).toBe(10 + 1_000 + 1_000 + 5_000);
  });

  it("comes out the same when the code is replayed after every step", async () => {
    const { task: _, ...smooth } = await runStrategy(twoStages, run);
    const { task: __, ...crashed } = await runStrategy(twoStages, {
      ...run,
      crash: "after-every-step",
    });
    expect(crashed).toEqual(smooth);
  });

  it("says so when the strategy waits for what never ends", async () => {
    await expect(runStrategy(twoStages, { script: () => "pending" })).rejects.toThrow(
      /waits for what never ends/,
    );
  });

  it.each<[string, unknown, RegExp]>([
    [
      "an answer with another name",
      { script: () => ({ file: {} }) },
      /to the task "a".*\n?.*"file"/,
    ],
    ["no answer", { script: () => undefined }, /answer to the task "a" makes no sense/],
    ["an error there is not", { script: () => ({ error: "oops" }) }, /answer to the task "a"/],
    ["a script that is async", { script: async () => ({}) }, /is a promise/],
    ["no script", {}, /expected a function that answers a task\n.*script/],
    ["a crash there is not", { ...run, crash: "after-evry-step" }, /at crash/],
    ["another name", { ...run, scrpt: 1 }, /"scrpt"/],
    [
      "a parameter that is none",
      { ...run, params: { hnt: "x" } },
      /^params for strategy two-stages/,
    ],
  ])("understands all that it is told, or says so: %s", async (_, given, message) => {
    await expect(runStrategy(twoStages, given as TestRun)).rejects.toThrow(message);
  });

  it("takes the parameters that every strategy takes", async () => {
    const script: TestRun["script"] = ({ task }) =>
      "prompt" in task && task.model === "opus" ? { files: { a: "b" } } : { error: "agent_failed" };
    const params = { model: "opus", key_prefix: "p", include_branches: "dev,next" };
    const branches = { dev: {}, next: {} };
    const one = defineStrategy({
      name: "one",
      params: z.object({}),
      async execute({ prompt }, ctx) {
        await ctx.wait(ctx.run({ prompt }, { key: "k" }));
        return { status: "succeeded", tasks: ["k"] };
      },
    });
    const { outcome } = await runStrategy(one, { script, params, branches });
    expect(outcome).toEqual({ status: "succeeded", tasks: ["p/k"] });
  });
});

import { type Fact, type FactOf, shortInstanceId } from "@pitaya/protocol";
import { defineStrategy, type StrategyContext, type StrategyOutcome } from "@pitaya/strategies";
import { expect, it } from "vitest";
import { z } from "zod";
import { type FakeAttempt, failed, succeeded } from "./testing/fake-runner.ts";
import { promptOf, rows, taskWorld } from "./testing/task-world.ts";

const strategy = (execute: (ctx: StrategyContext) => Promise<StrategyOutcome>) =>
  defineStrategy({ name: "pair", params: z.object({}), execute: (_, ctx) => execute(ctx) });

const COMMIT = "d".repeat(40);

type World = Awaited<ReturnType<typeof taskWorld>>;

/** The end of an attempt that committed something. */
function committed({ spec }: World, changes: Partial<FactOf<"attempt.succeeded">> = {}): Fact {
  const [bundle] = spec.base.bundles;
  return {
    ...(succeeded() as FactOf<"attempt.succeeded">),
    work: { commit: COMMIT, commits: 1, filesChanged: 1, insertions: 1, deletions: 0 },
    ...(bundle && { bundle: { ...bundle, tip: COMMIT } }),
    ...changes,
  };
}

/** The next attempts, by what they were asked. */
async function takeAll(world: World, count: number): Promise<ReadonlyMap<string, FakeAttempt>> {
  const taken = new Map<string, FakeAttempt>();
  while (taken.size < count) {
    const attempt = await world.runner.take();
    taken.set(promptOf(attempt), attempt);
  }
  return taken;
}

it("builds a later stage on what an earlier one committed, and reads and checks it there", async () => {
  const world = await taskWorld();
  await world.coordinatorOf(
    "c1",
    strategy(async (ctx) => {
      const first = await ctx.wait(ctx.run({ prompt: "first" }, { key: "first" }));
      const { branch: baseBranch = "" } = first;
      const text = await ctx.readFile(baseBranch, "REPORT.md");
      const none = await ctx.readFile(baseBranch, "none.md");
      const check = ctx.run({ verify: { command: "npm test" }, baseBranch }, { key: "check" });
      const { verify } = await ctx.wait(check);
      const second = ctx.run(
        { prompt: `second ${"x".repeat(9_000)}`, baseBranch, outputSchema: { type: "object" } },
        { key: "second" },
      );
      const { output, costUsd } = await ctx.wait(second);
      const told = { text, none: none === undefined, passed: verify?.passed, output, costUsd };
      return {
        status: "succeeded",
        tasks: ["second"],
        chosen: "second",
        metadata: JSON.parse(JSON.stringify(told)),
        files: { "report.md": "y".repeat(9_000) },
      };
    }),
  );
  await world.submit();

  const first = await world.runner.take();
  await first.tell(committed(world));
  const base = { commit: COMMIT, bundles: [{ tip: COMMIT }, ...world.spec.base.bundles] };
  for (const read of [{ text: { inline: "# fine" } }, {}]) {
    const reading = await world.runner.take();
    expect(reading.start.task).toMatchObject({ base, read: {}, agent: { credentials: [] } });
    await reading.tell({ ...(succeeded() as FactOf<"attempt.succeeded">), read });
  }
  const checking = await world.runner.take();
  expect(checking.start.task).toMatchObject({ base, verify: { command: "npm test" } });
  const verify = { exitCode: 0, timedOut: false, output: "" };
  await checking.tell({ ...(succeeded() as FactOf<"attempt.succeeded">), verify });
  const second = await world.runner.take();
  expect(second.start.task).toMatchObject({
    base,
    prompt: { blob: { bytes: 9_007 } },
    outputSchema: { inline: '{"type":"object"}' },
  });
  const account = { agentMs: 5, costUsd: 0.5 };
  await second.tell(committed(world, { output: { inline: '{"a":1}' }, account }));

  const view = await world.until(({ phase }) => phase === "succeeded");
  const [{ outcome } = { outcome: undefined }] = view.executions.values();
  expect(outcome?.metadata).toEqual({
    ...{ text: "# fine", none: true, passed: true },
    ...{ output: { a: 1 }, costUsd: 0.5 },
  });
  expect(outcome?.files).toMatchObject([{ path: "report.md", text: { blob: { bytes: 9_000 } } }]);
  const row = [...view.instances.values()].find(({ key }) => key === "second");
  expect(row?.branch).toContain(shortInstanceId(row?.instance ?? ""));
  expect(rows(view)).toMatchObject({ first: ["succeeded", 1], check: ["succeeded", 1] });
});

it("ends what the strategy wants no more, live or waiting, and tells it when that is so", async () => {
  const world = await taskWorld();
  await world.coordinatorOf(
    "c1",
    strategy(async (ctx) => {
      const handles = ["quick", "slow"].map((prompt) => ctx.run({ prompt }, { key: prompt }));
      const first = await ctx.race(handles);
      for (const handle of handles) ctx.cancel(handle);
      const ends = await ctx.waitAll(handles, { tolerateFailures: true });
      return {
        status: "succeeded",
        tasks: [first.key],
        metadata: { ends: ends.map((end) => end.status) },
      };
    }),
  );
  await world.submit();
  const attempts = await takeAll(world, 2);
  await attempts.get("quick")?.tell(succeeded());
  const order = await world.runner.nextCancel();
  expect(order).toMatchObject({ instance: attempts.get("slow")?.start.instance, mode: "cancel" });
  await attempts.get("slow")?.tell(failed("cancelled", false));

  const view = await world.until(({ phase }) => phase === "succeeded");
  expect(rows(view)).toEqual({ quick: ["succeeded", 1], slow: ["cancelled", 1] });
  const [execution] = view.executions.values();
  expect(execution?.outcome?.metadata).toEqual({ ends: ["succeeded", "failed"] });
});

it("fails a task that its plugin cannot do as it is scheduled, naming plugin and field", async () => {
  const world = await taskWorld();
  await world.coordinatorOf(
    "c1",
    strategy(async (ctx) => {
      const task = { prompt: "do it", env: { ANTHROPIC_MODEL: "other" }, model: "opus" };
      await ctx.wait(ctx.run({ ...task, appendSystemPrompt: "a\0b" }, { key: "odd" }));
      return { status: "succeeded", tasks: ["odd"] };
    }),
  );
  await world.submit();
  const view = await world.until(({ phase }) => phase === "failed");
  expect(rows(view)).toEqual({ odd: ["failed", 0] });
  expect(view.error).toMatchObject({ code: "task_unsupported" });
  expect(view.error?.message).toMatch(/claude-code: /);
});

it("begins nothing of what code asked for that failed by itself", async () => {
  const world = await taskWorld();
  await world.coordinatorOf(
    "c1",
    strategy(async (ctx) => {
      ctx.run({ prompt: "never" }, { key: "never" });
      throw new Error("a mistake");
    }),
  );
  await world.submit();
  const view = await world.until(({ phase }) => phase === "failed");
  expect(view.error?.message).toMatch(/a mistake/);
  expect(rows(view)).toEqual({});
});

it("begins nothing and leaves nothing that code did not wait for, and the run ends after it", async () => {
  const world = await taskWorld();
  await world.coordinatorOf(
    "c1",
    strategy(async (ctx) => {
      ctx.run({ prompt: "early" }, { key: "early" });
      await ctx.wait(ctx.run({ prompt: "awaited" }, { key: "awaited" }));
      ctx.run({ prompt: "late" }, { key: "late" });
      return { status: "succeeded", tasks: ["awaited"] };
    }),
  );
  await world.submit();
  const attempts = await takeAll(world, 2);
  await attempts.get("awaited")?.tell(succeeded());
  const order = await world.runner.nextCancel();
  expect(order).toMatchObject({ instance: attempts.get("early")?.start.instance, mode: "cancel" });
  await attempts.get("early")?.tell(failed("cancelled", false));
  const view = await world.until(({ phase }) => phase === "succeeded");
  expect(rows(view)).toEqual({
    awaited: ["succeeded", 1],
    early: ["cancelled", 1],
    late: ["cancelled", 0],
  });
});

it("ends what an execution did not wait for while others go on", async () => {
  const world = await taskWorld();
  let executions = 0;
  await world.coordinatorOf(
    "c1",
    strategy(async (ctx) => {
      executions += 1;
      const isFirst = executions === 1;
      const task = ctx.run({ prompt: isFirst ? "left" : "kept" }, { key: "k" });
      if (isFirst) await ctx.wait(ctx.run({ prompt: "done" }, { key: "done" }));
      else await ctx.wait(task);
      return { status: "succeeded", tasks: [isFirst ? "done" : "k"] };
    }),
  );
  await world.submit({ executions: 2 });
  const attempts = await takeAll(world, 3);
  await attempts.get("done")?.tell(succeeded());
  const order = await world.runner.nextCancel();
  expect(order).toMatchObject({ instance: attempts.get("left")?.start.instance, mode: "cancel" });
  await attempts.get("left")?.tell(failed("cancelled", false));
  await attempts.get("kept")?.tell(succeeded());
  const view = await world.until(({ phase }) => phase === "succeeded");
  const states = [...view.instances.values()].map(({ state }) => state);
  expect(states.toSorted()).toEqual(["cancelled", "succeeded", "succeeded"]);
});

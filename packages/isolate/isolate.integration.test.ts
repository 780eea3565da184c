import { errorRecord } from "@pitaya/protocol";
import { KeyConflict, type StrategyContext, TaskFailed, type TaskResult } from "@pitaya/strategies";
import { afterEach, describe, expect, it } from "vitest";
import { type Isolate, openIsolate } from "./isolate.ts";
import { ISOLATE_LIMITS } from "./limits.ts";
import { scriptBundle } from "./testing/script-bundle.ts";

const limits = {
  ...ISOLATE_LIMITS,
  ...{ turnTicks: 50, turnJobs: 20_000, turnCalls: 500, memoryBytes: 20 * 1024 ** 2 },
};
const open: Isolate[] = [];
afterEach(() => {
  for (const isolate of open.splice(0)) isolate.close();
});

async function isolateOf(execute: string, before?: string) {
  const isolate = await openIsolate({ bundle: scriptBundle(execute, before), loadedAt: 5, limits });
  open.push(isolate);
  return isolate;
}

const failed = new TaskFailed({
  ...{ key: "bad", errorType: "agent_failed", message: "exit 1" },
  error: { code: "agent_failed", message: "exit 1", retryable: false },
});
const result = { hasChanges: false, commits: 0 };

interface TestContext extends StrategyContext {
  readonly said: string[];
}
function context(more: Partial<StrategyContext> = {}): TestContext {
  const said: string[] = [];
  const nothing = () => {
    throw new Error("nobody asks for this");
  };
  return {
    ...{ race: nothing, waitAll: nothing, cancel: nothing, readFile: nothing, sleep: nothing },
    run(_, { key }) {
      if (key === "taken") throw new KeyConflict(key);
      return { key };
    },
    wait: async ({ key }): Promise<TaskResult> => {
      if (key === "bad") throw failed;
      return { key, ...result };
    },
    key: (...parts) => parts.join("/"),
    rand: () => 0.25,
    now: () => 1_000,
    log: (line) => said.push(line),
    signal: new AbortController().signal,
    ...more,
    said,
  } satisfies TestContext;
}

async function run(execute: string, ctx = context(), before?: string): Promise<unknown> {
  const isolate = await isolateOf(execute, before);
  isolate.beginTurn();
  return isolate.execute(0, { prompt: "do it", params: { n: 1 } }, ctx);
}
const errorOf = (running: Promise<unknown>) =>
  running.then(
    (value) => expect.unreachable(`it ended with ${JSON.stringify(value)}`),
    (error: unknown) => errorRecord(error),
  );

it("what the context throws is what ends it, when the code lets it through", async () => {
  await expect(run(`await ctx.wait({ key: "bad" })`)).rejects.toBe(failed);
});

it("what its interpreter cannot be interrupted in ends by processor time", async () => {
  const isolate = await openIsolate({
    bundle: scriptBundle(`return new Array(2 ** 32 - 1).join("a")`),
    loadedAt: 5,
    limits: { turnCpuMs: 300 },
  });
  open.push(isolate);
  isolate.beginTurn();
  const { message } = await errorOf(isolate.execute(0, {}, context()));
  expect(message).toMatch(/computes for more than 0\.3 s/);
});

describe("what code hands out", () => {
  it("is data, and changes no object here", async () => {
    const code = `ctx.log(Object.keys(ctx.key({}, [])).length + "");
      return JSON.parse('{ "__proto__": { "polluted": 1 }, "constructor": { "prototype": { "polluted": 1 } } }')`;
    let given: unknown;
    const ctx = context({
      key(...parts) {
        given = parts;
        return "";
      },
    });
    await run(code, ctx);
    expect(given).toEqual([{}, []]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

it("code that fails, or its whole thread, is nothing to other code", async () => {
  const [bad, good] = await Promise.all([
    isolateOf("while (true);"),
    isolateOf(`await ctx.wait({ key: "a" }); return "fine"`),
  ]);
  bad.beginTurn();
  good.beginTurn();
  const [error, value] = await Promise.all([
    errorOf(bad.execute(0, {}, context())),
    good.execute(0, {}, context()),
  ]);
  expect([error.code, value]).toEqual(["strategy_failed", "fine"]);
  await expect(bad.check(0, {})).rejects.toMatchObject({ code: "strategy_failed" });
  await bad.atRest();
});

it("code at rest is where it waits, and what it waits for is all it gets", async () => {
  const waited = Promise.withResolvers<TaskResult>();
  const isolate = await isolateOf(
    `ctx.log("before"); await ctx.wait({ key: "a" }); ctx.log("after")`,
  );
  const ctx = context({ wait: () => waited.promise });
  isolate.beginTurn();
  void isolate.execute(0, {}, ctx);
  await isolate.atRest();
  expect(ctx.said).toEqual(["before"]);
  waited.resolve({ key: "a", ...result });
  await isolate.atRest();
  expect(ctx.said).toEqual(["before", "after"]);
});

it.each([
  ["throws", "throw new Error('gone')", /broke its thread: gone/],
  ["ends", "process.exit(0)", /lost its thread/],
  ["says what it may not", "parentPort.postMessage({ type: 'shell' })", /left its isolation/],
])("a thread that %s is an error of its own strategy", async (_, code, message) => {
  const source = `import { parentPort } from "node:worker_threads"; ${code};`;
  const worker = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const error = await errorOf(openIsolate({ bundle: scriptBundle(""), loadedAt: 5, worker }));
  expect(error).toMatchObject({
    ...{ code: "strategy_failed", message: expect.stringMatching(message) },
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { canonicalHash } from "./canonical-hash.ts";
import { findStrategy, parseParams } from "./registry.ts";
import { defineStrategy, type Strategy, TaskFailed } from "./sdk.ts";
import { startExecution, type TaskResolution } from "./strategy-host.ts";

type Recorded = Parameters<typeof startExecution>[0]["recorded"];

const start = (strategy: Strategy, recorded: Recorded = []) =>
  startExecution({
    strategy,
    params: {},
    prompt: "do it",
    baseBranch: "main",
    recorded,
    fingerprint: canonicalHash,
    log: () => undefined,
  });
const code = (execute: Strategy["execute"]): Strategy =>
  defineStrategy({ name: "test", params: z.object({}), execute });
const done: TaskResolution = { status: "succeeded", branch: "b", commit: "c" };
const bad: TaskResolution = {
  status: "failed",
  error: { code: "agent_failed", message: "exit 1", retryable: false },
};

describe("simple", () => {
  it("runs one task with the prompt as given and succeeds with it", async () => {
    const execution = await start(findStrategy("simple"));
    expect(execution.tasks).toMatchObject([
      { key: "simple", task: { prompt: "do it", baseBranch: "main" } },
    ]);
    expect(execution.ended).toBeUndefined();
    await execution.deliver("simple", done);
    expect(execution.ended).toEqual({ outcome: { status: "succeeded", tasks: ["simple"] } });
  });

  it("fails as its task failed, and with its error", async () => {
    const execution = await start(findStrategy("simple"));
    await execution.deliver("simple", bad);
    expect(execution.ended).toMatchObject({
      outcome: { status: "failed", tasks: ["simple"] },
      error: { code: "agent_failed" },
    });
  });

  it("takes no parameters and says so", () => {
    expect(() => parseParams(findStrategy("simple"), { n: 3 })).toThrow(/n/);
    expect(() => findStrategy("smiple")).toThrow(/no strategy "smiple"/);
  });
});

describe("a key", () => {
  it("names one task however often it is asked for", async () => {
    const execution = await start(
      code(async (_, ctx) => {
        const first = ctx.run({ prompt: "a" }, { key: "k" });
        ctx.run({ prompt: "a" }, { key: "k" });
        await ctx.wait(first);
        return { status: "succeeded", tasks: ["k"] };
      }),
    );
    expect(execution.tasks).toHaveLength(1);
    expect(execution.calls.map((c) => c.name)).toEqual(["run", "run", "wait"]);
  });

  it("that names another task already is a conflict", async () => {
    const execution = await start(
      code(async (_, ctx) => {
        ctx.run({ prompt: "a" }, { key: "k" });
        ctx.run({ prompt: "b" }, { key: "k" });
        return { status: "succeeded", tasks: [] };
      }),
    );
    expect(execution.ended).toMatchObject({ error: { code: "key_conflict" } });
  });
});

describe("what code throws", () => {
  it("before it ever waits is a failed outcome", async () => {
    const execution = await start(
      code(() => {
        throw new TypeError("oops");
      }),
    );
    expect(execution.ended).toMatchObject({
      outcome: { status: "failed", reason: "oops" },
      error: { code: "strategy_failed" },
    });
  });

  it("is not what a task that failed and was forgiven did", async () => {
    const execution = await start(
      code(async (_, ctx) => {
        const task = ctx.run({ prompt: "a" }, { key: "k" });
        await ctx.wait(task).catch((error: unknown) => expect(error).toBeInstanceOf(TaskFailed));
        return { status: "succeeded", tasks: [] };
      }),
    );
    await execution.deliver("k", bad);
    expect(execution.ended).toEqual({ outcome: { status: "succeeded", tasks: [] } });
  });
});

describe("replay", () => {
  it("that does otherwise is an error that names both calls, even when the code catches it", async () => {
    const first = await start(
      code(async (_, ctx) => fork(ctx.run({ prompt: "a" }, { key: "k" }).key)),
    );
    const second = await start(
      code(async (_, ctx) => {
        try {
          return fork(ctx.run({ prompt: "a" }, { key: "other" }).key);
        } catch {
          return { status: "succeeded", tasks: [] };
        }
      }),
      first.calls,
    );
    expect(second.ended).toMatchObject({ error: { code: "replay_mismatch" } });
    expect(second.ended?.outcome.reason).toMatch(/call 0 was run\(.*\) and is now run\(/);
  });

  /** Three tasks at once; each that succeeds starts one more; the order of results is written down. */
  const branching = code(async (_, ctx) => {
    const order: string[] = [];
    const one = async (key: string, depth: number): Promise<void> => {
      const task = ctx.run({ prompt: key }, { key });
      try {
        await ctx.wait(task);
        order.push(key);
        if (depth > 0) await one(ctx.key(key, "next"), depth - 1);
      } catch {
        order.push(`!${key}`);
      }
    };
    await Promise.all(["a", "b", "c"].map((key) => one(key, 2)));
    return { status: "succeeded", tasks: order };
  });

  it("after a crash at any step meets the same calls, tasks and outcome", async () => {
    const choices = fc.array(fc.record({ pick: fc.nat(5), ok: fc.boolean() }), {
      minLength: 12,
      maxLength: 12,
      size: "max",
    });
    await fc.assert(
      fc.asyncProperty(choices, fc.nat(12), async (steps, crashAt) => {
        const history: [string, TaskResolution][] = [];
        let execution = await start(branching);
        for (const [index, { pick, ok }] of steps.entries()) {
          if (index === crashAt) {
            const before = execution;
            execution = await start(branching, before.calls);
            for (const [key, resolution] of history) await execution.deliver(key, resolution);
            expect(execution.calls).toEqual(before.calls);
            expect(execution.tasks).toEqual(before.tasks);
            expect(execution.ended).toEqual(before.ended);
          }
          const told = new Set(history.map(([key]) => key));
          const open = execution.tasks.map((t) => t.key).filter((key) => !told.has(key));
          const key = open[pick % Math.max(1, open.length)];
          if (key === undefined) break;
          const resolution = ok ? done : bad;
          history.push([key, resolution]);
          await execution.deliver(key, resolution);
        }
        const again = await start(branching, execution.calls);
        for (const [key, resolution] of history) await again.deliver(key, resolution);
        expect(again.ended).toEqual(execution.ended);
      }),
      { numRuns: 40 },
    );
  });
});

const fork = (key: string) => ({ status: "succeeded" as const, tasks: [key] });

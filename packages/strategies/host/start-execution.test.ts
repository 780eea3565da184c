import type { KeyPolicy } from "@pitaya/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseParams } from "../parse-params.ts";
import { taskPlanner } from "../planning/task-planner.ts";
import { findStrategy } from "../registry.ts";
import { defineStrategy, type Strategy, type StrategyOutcome, TaskFailed } from "../sdk.ts";
import { sampleSpec } from "../testing/sample-spec.ts";
import type { HostedTask, HostOptions, TaskResolution } from "./hosted-execution.ts";
import { MAX_TASKS } from "./max-tasks.ts";
import { startExecution } from "./start-execution.ts";

type Recorded = HostOptions["recorded"];

const spec = sampleSpec({
  ...{ strategy: "test", prompt: "do it", repository: {}, branches: {}, files: {}, plugins: [] },
});

async function start(
  strategy: Strategy,
  recorded: Recorded = [],
  options: Partial<HostOptions> = {},
) {
  const execution = await startExecution(strategy, {
    ...{
      params: {},
      prompt: "do it",
      baseBranch: "main",
      baseCommit: "c0ffee",
      files: {},
      recorded,
    },
    ...{ seed: "s1", startedAtMs: 0, planner: taskPlanner(spec, {}), log: () => undefined },
    ...options,
  });
  let at = 0;
  return {
    get calls() {
      return execution.calls;
    },
    get tasks() {
      return execution.tasks;
    },
    get ended() {
      return execution.ended;
    },
    get replaced() {
      return execution.replaced;
    },
    get cancelled() {
      return execution.cancelled;
    },
    sleeps: execution.sleeps,
    deliver: (key: string, resolution: TaskResolution) => execution.deliver(key, resolution, ++at),
    wake: (index: number) => execution.wake(index, ++at),
    close: execution.close,
  };
}
const code = (execute: Strategy["execute"]): Strategy =>
  defineStrategy({ name: "test", params: z.object({}), execute });
const done: TaskResolution = { status: "succeeded", result: { hasChanges: false, commits: 0 } };
const bad: TaskResolution = {
  status: "failed",
  error: { code: "agent_failed", message: "exit 1", retryable: false },
};

describe("simple", () => {
  it("runs one task with the prompt as given and succeeds with it", async () => {
    const execution = await start(findStrategy("simple"));
    expect(execution.tasks).toMatchObject([
      { key: "simple", planned: { asked: { prompt: "do it", baseBranch: "main" } } },
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

it("code that asks for more tasks than an execution may have fails, whatever it catches", async () => {
  const { ended, tasks } = await start(
    code(async (_, ctx) => {
      for (let n = 0; n < 2 * MAX_TASKS; n += 1) {
        try {
          ctx.run({ prompt: "a" }, { key: ctx.key("t", n) });
        } catch {
          break;
        }
      }
      return { status: "succeeded", tasks: [] };
    }),
  );
  expect(ended?.outcome).toMatchObject({
    status: "failed",
    reason: "strategy test asked for more than 10,000 tasks in one execution",
  });
  expect(tasks).toHaveLength(MAX_TASKS);
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

describe("a sleep", () => {
  const naps: Strategy["execute"] = async (_, ctx) => {
    await ctx.sleep(1_000);
    await ctx.sleep(0);
    return { status: "succeeded", tasks: [] };
  };

  it("is told by the index of its call, and over when it is said to be", async () => {
    const execution = await start(code(naps));
    expect(execution.sleeps).toEqual([{ index: 0, delayMs: 1_000 }]);
    expect(execution.ended).toBeUndefined();
    await execution.wake(0);
    expect(execution.sleeps.at(-1)).toEqual({ index: 1, delayMs: 0 });
    await execution.wake(1);
    expect(execution.ended).toEqual({ outcome: { status: "succeeded", tasks: [] } });
  });

  it("that the code does not take any more ends it", async () => {
    const recorded = [{ index: 0, name: "sleep", argsHash: "0".repeat(16) }];
    const longer = await start(code(naps), recorded);
    expect(longer.ended?.error?.code).toBe("replay_mismatch");
    const execution = await start(code(naps));
    await execution.wake(3);
    expect(execution.ended?.error?.code).toBe("replay_mismatch");
  });

  it.each([-1, 0.5, Number.NaN, 31 * 86_400_000])("of %d ms cannot be had", async (delayMs) => {
    const execution = await start(code((_, ctx) => ctx.sleep(delayMs).then(() => fork(""))));
    expect(execution.ended?.error?.message).toContain("at most 30 days");
  });
});

describe("code that no replay would bring to the same place", () => {
  const endOf = async (execute: Strategy["execute"]) => (await start(code(execute))).ended;

  it("is ended when it waits for something of its own", async () => {
    const never = new Promise<never>(() => undefined);
    expect((await endOf(() => never))?.error).toMatchObject({
      code: "strategy_failed",
      message: expect.stringMatching(/timer or a file/),
    });
  });

  it("is ended when it uses its context outside its turn, though the code catches it", async () => {
    const late = Promise.withResolvers<unknown>();
    const execution = await start(
      code(async (_, ctx) => {
        const first = ctx.run({ prompt: "a" }, { key: "k" });
        setImmediate(() => {
          try {
            late.resolve(ctx.run({ prompt: "b" }, { key: "late" }));
          } catch (error) {
            late.resolve(error);
          }
        });
        await ctx.wait(first);
        return { status: "succeeded", tasks: ["k"] };
      }),
    );
    expect(await late.promise).toMatchObject({ code: "strategy_failed" });
    await execution.deliver("k", done);
    expect(execution.tasks.map(({ key }) => key)).toEqual(["k"]);
    expect(execution.ended?.error?.code).toBe("strategy_failed");
  });

  it("cannot go on after its end", async () => {
    let refused: unknown;
    const execution = await start(
      code(async (_, ctx) => {
        const goOn = async () => {
          for (let i = 0; i < 20; i += 1) await undefined;
          ctx.run({ prompt: "b" }, { key: "late" });
        };
        goOn().catch((error: unknown) => {
          refused = error;
        });
        ctx.run({ prompt: "a" }, { key: "k" });
        return { status: "succeeded", tasks: [] };
      }),
    );
    expect(refused).toMatchObject({ message: "strategy test went on after its end" });
    expect(execution.tasks.map(({ key }) => key)).toEqual(["k"]);
    expect(execution.ended).toEqual({ outcome: { status: "succeeded", tasks: [] } });
  });

  it("is no success where what it counts or chose is none", async () => {
    const ended = async (outcome: Partial<StrategyOutcome>) => {
      const execution = await start(
        code(async (_, ctx) => {
          const handles = ["good", "bad"].map((key) => ctx.run({ prompt: "p" }, { key }));
          ctx.run({ prompt: "p" }, { key: "open" });
          await ctx.waitAll(handles, { tolerateFailures: true });
          return { status: "succeeded", tasks: [], ...outcome };
        }),
      );
      await execution.deliver("good", done);
      await execution.deliver("bad", bad);
      return execution.ended;
    };
    expect((await ended({ tasks: ["bad", "open"] }))?.error?.message).toMatch(
      /none of the tasks that it counts did: exit 1/,
    );
    expect((await ended({ chosen: "bad" }))?.error?.message).toMatch(
      /chose the task "bad", which failed/,
    );
    expect((await ended({ chosen: "open" }))?.error?.message).toMatch(
      /"open", which had not ended/,
    );
    expect((await ended({ tasks: ["bad", "good"], chosen: "good" }))?.error).toBeUndefined();
    expect((await ended({ status: "failed", tasks: ["bad"] }))?.error).toBeUndefined();
  });

  it("may sleep ten thousand times, and not without end", async () => {
    const execution = await start(
      code(async (_, ctx) => {
        for (;;) await ctx.sleep(0);
      }),
    );
    for (let index = 0; index < 10_000; index += 1) await execution.wake(index);
    expect(execution.ended?.error?.message).toMatch(/slept more than 10,000 times/);
  });
});

describe("a mistake of the code", () => {
  it.each<[string, Strategy["execute"], RegExp]>([
    [
      "a key that cannot be stored",
      async (_, ctx) => fork(ctx.run({ prompt: "a" }, { key: "a\nb" }).key),
      /the key "a\\nb"/,
    ],
    [
      "a task without a prompt",
      async (_, ctx) => fork(ctx.run({ prompt: " " }, { key: "k" }).key),
      /expected some text/,
    ],
    [
      "a wait for what was never asked for",
      async (_, ctx) => fork((await ctx.wait({ key: "k" })).key),
      /waits for k without asking/,
    ],
    ["an outcome of tasks it never had", async () => fork("k"), /tasks it never had: k/],
  ])("%s is told as such", async (_, execute, message) => {
    const { ended } = await start(code(execute));
    expect(ended).toMatchObject({
      outcome: { status: "failed" },
      error: { code: "strategy_failed", message: expect.stringMatching(message) },
    });
  });
});

it("a task that fails before the code comes to wait for it is no unhandled rejection", async () => {
  const execution = await start(
    code(async (_, ctx) => {
      const handles = ["a", "b"].map((key) => ctx.run({ prompt: key }, { key }));
      const results = handles.map((handle) => ctx.wait(handle));
      const failed: string[] = [];
      for (const result of results) {
        await result.catch((error: TaskFailed) => failed.push(error.failure.key));
      }
      return { status: "failed", reason: failed.join(), tasks: [] };
    }),
  );
  await execution.deliver("b", bad);
  await execution.deliver("a", bad);
  expect(execution.ended?.outcome.reason).toBe("a,b");
});

it("a result that came before the code waits for it is there when it does", async () => {
  const execution = await start(
    code(async (_, ctx) => {
      const handles = ["a", "b"].map((key) => ctx.run({ prompt: key }, { key }));
      const results = [];
      for (const handle of handles) results.push(await ctx.wait(handle));
      return { status: "succeeded", tasks: results.map(({ key }) => key) };
    }),
  );
  await execution.deliver("b", done);
  expect(execution.ended).toBeUndefined();
  await execution.deliver("a", done);
  expect(execution.ended?.outcome.tasks).toEqual(["a", "b"]);
});

it("results come one at a time", async () => {
  const execution = await start(
    code(async (_, ctx) => {
      const handles = ["a", "b"].map((key) => ctx.run({ prompt: key }, { key }));
      await Promise.all(handles.map((handle) => ctx.wait(handle)));
      return { status: "succeeded", tasks: ["a", "b"] };
    }),
  );
  const first = execution.deliver("a", done);
  await expect(execution.deliver("b", done)).rejects.toThrow(/another's turn/);
  await first;
  await execution.deliver("a", bad);
  await execution.deliver("b", done);
  expect(execution.ended?.outcome.status).toBe("succeeded");
});

describe("replay", () => {
  it("that ends before it made all its calls is an error that names the next", async () => {
    const first = await start(
      code(async (_, ctx) => fork(ctx.run({ prompt: "a" }, { key: "k" }).key)),
    );
    const second = await start(
      code(async () => ({ status: "succeeded", tasks: [] })),
      first.calls,
    );
    expect(second.ended?.error).toMatchObject({ code: "replay_mismatch" });
    expect(second.ended?.outcome.reason).toMatch(/it ended before call 0, run\(/);
  });

  it("of a result that the code did not ask for is an error", async () => {
    const execution = await start(findStrategy("simple"));
    await execution.deliver("other", done);
    expect(execution.ended?.error).toMatchObject({ code: "replay_mismatch" });
  });

  it("that leaves its path is over, though the code goes on to wait", async () => {
    const execute: Strategy["execute"] = async (_, ctx) => {
      const result = ctx.wait(ctx.run({ prompt: "a" }, { key: "k" }));
      try {
        ctx.run({ prompt: "new" }, { key: "new" });
      } catch {
        await result;
      }
      return { status: "succeeded", tasks: ["k"] };
    };
    const old = await start(
      code(async (_, ctx) => {
        const task = ctx.run({ prompt: "a" }, { key: "k" });
        const result = ctx.wait(task);
        ctx.wait(task);
        await result;
        return { status: "succeeded", tasks: ["k"] };
      }),
    );
    expect((await start(code(execute), old.calls)).ended?.error?.code).toBe("replay_mismatch");
  });

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

describe("a key whose task has changed since it was recorded", () => {
  /** Two tasks, one after the other; `prompts` are those of this version of the code. */
  const version = (...prompts: readonly string[]) =>
    code(async (_, ctx) => {
      const results = [];
      for (const [index, prompt] of prompts.entries()) {
        results.push(await ctx.wait(ctx.run({ prompt }, { key: `t${index}` })));
      }
      return { status: "succeeded", tasks: results.map(({ key }) => key), chosen: "t0" };
    });
  const resumed = (
    strategy: Strategy,
    log: ReadonlyMap<string, string>,
    keyPolicy: KeyPolicy,
    recorded: Recorded = [],
  ) =>
    start(strategy, recorded, {
      keyPolicy,
      recordedFingerprint: (key) => log.get(key),
      rekeyed: keyPolicy === "suffix",
    });
  const logOf = (...executions: readonly { readonly tasks: readonly HostedTask[] }[]) =>
    new Map(
      executions.flatMap(({ tasks }) => tasks.map((t) => [t.key, t.planned.fingerprint] as const)),
    );

  it("is an error under policy strict, which names the key", async () => {
    const before = await start(version("a", "b"));
    const now = await resumed(version("new", "b"), logOf(before), "strict", before.calls);
    expect(now.ended?.error).toMatchObject({ code: "key_conflict" });
    expect(now.ended?.outcome.reason).toContain('"t0"');
    expect(now.tasks).toEqual([]);
  });

  it("alone runs anew under policy suffix, and every replay gives it the same new key", async () => {
    const before = await start(version("a", "b"));
    await before.deliver("t0", done);
    const now = await resumed(version("a", "new"), logOf(before), "suffix");
    await now.deliver("t0", done);
    expect(now.tasks.map(({ key }) => key)).toEqual(["t0", "t1/r1"]);
    expect(now.replaced).toEqual(["t1"]);

    const log = new Map([...logOf(before), ...logOf(now)]);
    for (const policy of ["suffix", "strict"] as const) {
      const again = await resumed(version("a", "new"), log, policy, now.calls);
      await again.deliver("t0", done);
      expect(again.tasks).toEqual(now.tasks);
      await again.deliver("t1/r1", done);
      expect(again.ended?.outcome).toMatchObject({ tasks: ["t0", "t1/r1"], chosen: "t0" });
    }
    const third = await resumed(version("a", "newer"), log, "suffix");
    await third.deliver("t0", done);
    expect(third.tasks.map(({ key }) => key)).toEqual(["t0", "t1/r2"]);
  });

  it("may have a result, of the task before, that nobody asks for", async () => {
    const before = await start(version("a"));
    const now = await resumed(version("new"), logOf(before), "suffix");
    await now.deliver("t0", bad);
    expect(now.ended).toBeUndefined();
    await now.deliver("t0/r1", done);
    expect(now.ended?.outcome).toMatchObject({ status: "succeeded", tasks: ["t0/r1"] });
  });
});

const fork = (key: string) => ({ status: "succeeded" as const, tasks: [key] });

import { defineStrategy, TaskFailed, type TaskResult } from "@pitaya/strategies";
import { z } from "zod";

/** Some agents at once, then one that comes after all of them, whatever became of them. */
export const twoStage = defineStrategy({
  name: "two-stage",
  params: z.strictObject({ width: z.int().min(1).max(4) }),
  async execute({ prompt, params: { width } }, ctx) {
    const first = Array.from({ length: width }, (_, n) =>
      ctx.run({ prompt }, { key: ctx.key("first", n) }),
    );
    const results: TaskResult[] = [];
    for (const task of first) {
      try {
        results.push(await ctx.wait(task));
      } catch (error) {
        if (!(error instanceof TaskFailed)) throw error;
      }
    }
    const last = ctx.run({ prompt }, { key: ctx.key("last", results.length) });
    await ctx.wait(last);
    return { status: "succeeded", tasks: [last.key], chosen: last.key };
  },
});

/** Agents of which none is good enough. */
export const allFail = defineStrategy({
  name: "all-fail",
  params: z.strictObject({ width: z.int().min(1).max(4) }),
  async execute({ prompt, params: { width } }, ctx) {
    const tasks = Array.from({ length: width }, (_, n) => ctx.run({ prompt }, { key: `try/${n}` }));
    await Promise.allSettled(tasks.map((task) => ctx.wait(task)));
    return { status: "failed", reason: "none was good enough", tasks: [] };
  },
});

export const testStrategies = [twoStage, allFail];

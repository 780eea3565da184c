import { MISSING_FILE } from "@pitaya/runner-agent/testing";
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

/** Work, a check of it, and what it says of itself: one container, another, and none. */
export const checked = defineStrategy({
  name: "checked",
  params: z.strictObject({}),
  async execute({ prompt, baseBranch }, ctx) {
    const work = ctx.run({ prompt }, { key: "work" });
    const { branch = "" } = await ctx.wait(work);
    const verify = { command: "exit 7" };
    const check = ctx.run({ verify, baseBranch: branch }, { key: "check" });
    const [{ verify: end }, note, none] = await Promise.all([
      ctx.wait(check),
      ctx.readFile(branch, "note"),
      ctx.readFile(baseBranch, MISSING_FILE),
    ]);
    const isRight = end?.exitCode === 7 && note?.startsWith("note of") && none === undefined;
    const reason = `${JSON.stringify({ end, note })} is not what was made`;
    if (!isRight) return { status: "failed", reason, tasks: [] };
    return { status: "succeeded", tasks: [work.key] };
  },
});

/** The first to end stops the others; then, now at once and now later, one on what is there. */
export const raced = defineStrategy({
  name: "raced",
  params: z.strictObject({ width: z.int().min(1).max(4) }),
  async execute({ prompt, params: { width } }, ctx) {
    const racers = Array.from({ length: width + 1 }, (_, n) =>
      ctx.run({ prompt }, { key: ctx.key("race", n) }),
    );
    const first = await ctx.race(racers);
    for (const other of racers) if (other.key !== first.key) ctx.cancel(other);
    const ends = await ctx.waitAll(racers, { tolerateFailures: true });
    if (ctx.rand() < 0.5) await ctx.sleep(700);
    const done = ends.find((end) => end.status === "succeeded");
    const baseBranch = done?.status === "succeeded" ? done.result.branch : undefined;
    const last = ctx.run({ prompt, ...(baseBranch && { baseBranch }) }, { key: "last" });
    await ctx.wait(last);
    return { status: "succeeded", tasks: [last.key], chosen: last.key };
  },
});

export const testStrategies = [twoStage, allFail, checked, raced];

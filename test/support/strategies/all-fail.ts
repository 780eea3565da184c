import { defineStrategy, TaskFailed } from "@pitaya/strategies";
import { z } from "zod";

/** Three tasks side by side, of which it expects nothing: the outcome names each that failed. */
export const allFail = defineStrategy({
  name: "test-all-fail",
  params: z.strictObject({}),
  async execute({ prompt }, ctx) {
    const tasks = ["a", "b", "c"].map((part) => ctx.run({ prompt }, { key: ctx.key(part) }));
    const failed: string[] = [];
    for (const task of tasks) {
      try {
        await ctx.wait(task);
      } catch (error) {
        if (!(error instanceof TaskFailed)) throw error;
        failed.push(`${task.key}: ${error.failure.errorType}`);
      }
    }
    const reason = failed.join(", ");
    return { status: failed.length === tasks.length ? "failed" : "succeeded", reason, tasks: [] };
  },
});

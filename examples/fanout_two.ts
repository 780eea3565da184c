import { defineStrategy } from "@pitaya/strategies";
import { z } from "zod";

/**
 * The same prompt for several agents at once, two where nothing is said; each has a branch. It
 * succeeds if any of them does.
 *
 *   pitaya "Speed up the parser" --strategy examples/fanout_two.ts -S parallel=3
 */
export default defineStrategy({
  name: "fanout-two",
  params: z.object({ parallel: z.int().min(2).max(20).default(2) }),
  async execute({ prompt, params }, ctx) {
    const tasks = Array.from({ length: params.parallel }, (_, index) =>
      ctx.run({ prompt }, { key: ctx.key("fanout", index + 1) }),
    );
    const ends = await ctx.waitAll(tasks, { tolerateFailures: true });
    const done = ends.filter(({ status }) => status === "succeeded").map(({ key }) => key);
    if (done.length === 0) return { status: "failed", reason: "all of them failed", tasks: [] };
    return { status: "succeeded", tasks: done };
  },
});

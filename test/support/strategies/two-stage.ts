import { defineStrategy } from "@pitaya/strategies";
import { z } from "zod";

/**
 * Two tasks side by side, then one whose prompt holds what those two came to: after a restart it is
 * only the recorded one if the code has met the very same results again.
 */
export const twoStage = defineStrategy({
  name: "test-two-stage",
  params: z.strictObject({}),
  async execute({ prompt }, ctx) {
    const first = ["a", "b"].map((part) =>
      ctx.run({ prompt: `${prompt} ${part}` }, { key: ctx.key("first", part) }),
    );
    const commits: string[] = [];
    for (const task of first) commits.push((await ctx.wait(task)).commit ?? "none");
    const second = ctx.run({ prompt: [prompt, ...commits].join(" ") }, { key: ctx.key("second") });
    await ctx.wait(second);
    return { status: "succeeded", tasks: [...first, second].map(({ key }) => key) };
  },
});

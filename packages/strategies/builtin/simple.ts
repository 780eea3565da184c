import { z } from "zod";
import { defineStrategy } from "../sdk.ts";

/** One agent, one branch: the prompt as it was given. */
export const simple = defineStrategy({
  name: "simple",
  params: z.strictObject({}),
  async execute({ prompt, baseBranch }, ctx) {
    const task = ctx.run({ prompt, baseBranch }, { key: ctx.key("simple") });
    await ctx.wait(task);
    return { status: "succeeded", tasks: [task.key] };
  },
});

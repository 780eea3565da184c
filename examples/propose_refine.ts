import { defineStrategy } from "@pitaya/strategies";
import { z } from "zod";

/**
 * One agent proposes, and a second one begins where the first left off.
 *
 *   pitaya "Split the config loader" --strategy examples/propose_refine.ts \
 *     -S refine_hint="Make the names clearer"
 */
export default defineStrategy({
  name: "propose-refine",
  params: z.object({
    refine_hint: z.string().default("Review what is there, and improve what is weak."),
  }),
  async execute({ prompt, baseBranch, params }, ctx) {
    const propose = ctx.run({ prompt, baseBranch }, { key: ctx.key("propose") });
    const proposed = await ctx.wait(propose);
    const refine = ctx.run(
      {
        prompt: `${params.refine_hint}\n\nThe task was: ${prompt}`,
        baseBranch: proposed.branch ?? baseBranch,
      },
      { key: ctx.key("refine") },
    );
    await ctx.wait(refine);
    return { status: "succeeded", tasks: [propose.key, refine.key], chosen: refine.key };
  },
});

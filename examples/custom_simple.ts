import { defineStrategy } from "@pitaya/strategies";
import { z } from "zod";

/**
 * One agent, one branch, and a greeting for it.
 *
 *   pitaya "Add a health check" --strategy examples/custom_simple.ts -S greeting="Good morning"
 */
export default defineStrategy({
  name: "custom-simple",
  params: z.object({ greeting: z.string().default("Hello") }),
  async execute({ prompt, params }, ctx) {
    ctx.log(`${params.greeting} from a strategy of your own`);
    const task = ctx.run({ prompt: `${params.greeting}.\n\n${prompt}` }, { key: ctx.key("gen") });
    await ctx.wait(task);
    return { status: "succeeded", tasks: [task.key] };
  },
});

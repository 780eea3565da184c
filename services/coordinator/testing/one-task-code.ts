import type { RunSpec, TaskSpec } from "@pitaya/protocol";
import { defineStrategy, startExecution } from "@pitaya/strategies";
import { z } from "zod";
import { hostOptions } from "../adapters/built-in-strategies.ts";
import type { StrategyCode } from "../ports/strategy-code.port.ts";

/** The run's own settings as a task. */
export const taskOf = (spec: RunSpec): TaskSpec => ({
  prompt: spec.prompt,
  base: spec.base,
  agent: spec.agent,
  limits: spec.limits,
  network: spec.network,
  readOnly: false,
  forceCommit: false,
  author: spec.author,
  importPolicy: "auto",
});

/** Code that runs one task and ends as it does: what the coordinator's own tests need of a strategy. */
export const oneTaskCode: StrategyCode = {
  start: async (spec, execution, texts, recorded) =>
    startExecution(
      defineStrategy({
        name: "one-task",
        params: z.object({}),
        async execute({ prompt }, ctx) {
          const task = ctx.run({ prompt }, { key: "main" });
          await ctx.wait(task);
          return { status: "succeeded", tasks: [task.key] };
        },
      }),
      { ...hostOptions(spec, execution, {}, texts, recorded), log: () => undefined },
    ),
};

import { z } from "zod";
import {
  type CommonParams,
  defineStrategy,
  type StrategyContext,
  type StrategyOutcome,
  stepParams,
} from "../../sdk.ts";
import { lastWords } from "../answers/answer.ts";
import { generatorPrompt } from "../prompts/generator.prompt.ts";
import { ask, endOf, LOOKS_ONLY, onWork } from "../steps/ask.ts";
import { failed } from "../steps/failed.ts";
import { given } from "../steps/given.ts";
import { NO_FEEDBACK, refinePrompt } from "./refine.prompt.ts";
import { reviewerPrompt } from "./reviewer.prompt.ts";

const params = z.strictObject({
  iterations: z.int().min(1).max(10).default(3),
  ...stepParams("generator", "refine", "reviewer"),
  review_max_retries: z.int().min(0).max(20).default(1),
  read_only_review: z.boolean().default(true),
  /** Of the reviewer. */
  max_turns: z.int().positive().optional(),
  stop_on_no_changes: z.boolean().default(true),
});

/** Propose, review, refine on the branch before. What comes out is the last branch with the work. */
export const iterative = defineStrategy({
  name: "iterative",
  params,
  async execute({ prompt: task, baseBranch, params }, ctx): Promise<StrategyOutcome> {
    const { iterations } = params;
    /** The last branch that has the work, and how many commits it has over the base. */
    let work:
      | { readonly key: string; readonly branch: string; readonly commits: number }
      | undefined;
    let last: string | undefined;
    let feedback = NO_FEEDBACK;
    let completed = 0;
    let stopped: string | undefined;
    for (let iteration = 1; ; iteration += 1) {
      const isFirst = iteration === 1;
      const turn = ctx.run(
        {
          prompt: isFirst
            ? generatorPrompt({ task, voice: params.generator_prompt })
            : refinePrompt({ task, iteration, iterations, feedback, voice: params.refine_prompt }),
          baseBranch: work?.branch ?? baseBranch,
          ...given({ model: isFirst ? params.generator_model : params.refine_model }),
        },
        { key: ctx.key("iter", iteration) },
      );
      const end = await endOf(ctx, turn);
      if (end.status === "failed") {
        stopped = `iteration ${iteration} failed: ${end.failure.message}`;
        last ??= turn.key;
        break;
      }
      completed = iteration;
      last = turn.key;
      const { branch, hasChanges, commits } = end.result;
      if (hasChanges && branch !== undefined) {
        work = { key: turn.key, branch, commits: (work?.commits ?? 0) + commits };
      } else if (params.stop_on_no_changes) {
        stopped = "no_changes";
        break;
      }
      if (iteration === iterations) break;
      const under = { baseBranch, branch: work?.branch ?? baseBranch, commits: work?.commits ?? 0 };
      feedback = (await review(ctx, params, { task, iteration, ...under })) ?? NO_FEEDBACK;
    }

    const metadata = {
      iterations_completed: completed,
      refinement_strategy: "iterative",
      iterative_early_stop: stopped ?? null,
      branch: work?.branch ?? null,
    };
    if (completed === 0) return failed(stopped ?? "nothing was done", last ? [last] : [], metadata);
    const key = work?.key ?? last;
    return { status: "succeeded", tasks: key ? [key] : [], metadata };
  },
});

/** Undefined where the reviewer has nothing to say, or cannot. */
async function review(
  ctx: StrategyContext,
  settings: z.output<typeof params> & CommonParams,
  under: {
    readonly task: string;
    readonly iteration: number;
    readonly baseBranch: string;
    readonly branch: string;
    readonly commits: number;
  },
): Promise<string | undefined> {
  const { task, iteration, baseBranch, branch, commits } = under;
  const { reviewer_prompt: voice, reviewer_model: model, max_turns: maxTurns } = settings;
  const asked = await ask(ctx, {
    key: ctx.key("review", iteration),
    attempts: settings.review_max_retries + 1,
    task: (correction) => ({
      prompt: reviewerPrompt({ task, baseBranch, commits, voice, correction }),
      ...onWork(settings, branch, baseBranch),
      ...(settings.read_only_review ? LOOKS_ONLY : {}),
      ...given({ model, maxTurns }),
    }),
    read: lastWords,
  });
  return asked.ok ? asked.value : undefined;
}

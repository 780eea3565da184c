import { z } from "zod";
import { defineStrategy, type StrategyOutcome } from "../../sdk.ts";
import { failed } from "../steps/failed.ts";
import { candidate, candidateMetadata } from "./candidate.ts";
import { refuseContradictions, scoringParams, weightsOf } from "./params.ts";

/** One agent does the work, another one judges it. */
export const scoring = defineStrategy({
  name: "scoring",
  params: z.strictObject(scoringParams).superRefine(refuseContradictions),
  async execute({ prompt, baseBranch, params }, ctx): Promise<StrategyOutcome> {
    const made = await candidate(ctx, params, { task: prompt, baseBranch, keys: [] });
    const metadata = {
      ...candidateMetadata(made, params),
      scorer_model: params.scorer_model ?? params.model ?? null,
      weights: { ...weightsOf(params) },
    };
    if (made.problem) return failed(made.problem.text, [made.key], metadata);
    return { status: "succeeded", tasks: [made.key], metadata };
  },
});

import { z } from "zod";
import { type CommonParams, stepParams, taskFileParam } from "../../sdk.ts";
import type { Weights } from "./score-answer.rules.ts";

const weight = () => z.number().min(0).max(1_000);

const Verify = z.strictObject({
  /** For the shell, in the root of the candidate's workspace. */
  command: z.string().min(1),
  /** Put over the workspace; no agent sees them. */
  files: z.array(taskFileParam()).max(64).optional(),
  image: z.string().min(1).optional(),
  timeout_s: z.number().positive().max(86_400).optional(),
  network: z.enum(["online", "offline", "proxy"]).optional(),
});

/** What a strategy takes that scores what it generates. */
export const scoringParams = {
  ...stepParams("generator", "scorer"),
  weight_correctness: weight().default(0.5),
  weight_completeness: weight().default(0.3),
  weight_quality: weight().default(0.2),
  score_scale_max: z.union([z.literal(10), z.literal(100)]).default(10),
  /** On the same scale. */
  fail_below_score: z.number().min(0).optional(),
  scorer_max_retries: z.int().min(0).max(20).default(2),
  read_only_scoring: z.boolean().default(true),
  /** Of the scorer. */
  max_turns: z.int().positive().optional(),
  /** A command, or with it the rest of what a verification is. */
  verify: z.union([z.string().min(1), Verify]).optional(),
  verify_weight: z.number().min(0).max(1).default(0.5),
};

export type ScoringParams = z.output<z.ZodObject<typeof scoringParams>> & CommonParams;

const WEIGHTS = ["weight_correctness", "weight_completeness", "weight_quality"] as const;

export const weightsOf = (params: ScoringParams): Weights => ({
  correctness: params.weight_correctness,
  completeness: params.weight_completeness,
  quality: params.weight_quality,
});

/** Refuses what is right each for itself and does not go together. */
export function refuseContradictions(params: ScoringParams, ctx: z.RefinementCtx): void {
  const { score_scale_max: scaleMax, fail_below_score: least = 0 } = params;
  if (Object.values(weightsOf(params)).every((value) => value === 0)) {
    const message = `every weight of the score is 0; expected one of ${WEIGHTS.join(", ")} above 0`;
    ctx.addIssue({ code: "custom", path: ["weight_correctness"], message });
  }
  if (least > scaleMax) {
    const message = `expected a number from 0 to ${scaleMax}, the score_scale_max, not ${least}`;
    ctx.addIssue({ code: "custom", path: ["fail_below_score"], message });
  }
}

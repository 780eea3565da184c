import type { JsonObject, StrategyContext, TaskResult, VerifyTask } from "../../sdk.ts";
import { generatorPrompt } from "../prompts/generator.prompt.ts";
import { type Asked, ask, endOf, LOOKS_ONLY, onWork } from "../steps/ask.ts";
import { given } from "../steps/given.ts";
import { type ScoringParams, weightsOf } from "./params.ts";
import { parseScore, rounded, type Score } from "./score-answer.rules.ts";
import { scorerPrompt } from "./scorer.prompt.ts";
import { finalScore, lastWords, verifiedScore } from "./verified-score.rules.ts";

export interface CandidateParts {
  /** The user's prompt. */
  readonly task: string;
  readonly baseBranch: string;
  /** Before the keys of its tasks. */
  readonly keys: readonly string[];
  readonly hint?: string | undefined;
  readonly plugin?: string | undefined;
  readonly model?: string | undefined;
}

/** A piece of work and what it was found to be worth. */
export interface Candidate {
  /** Key of the task that made it. */
  readonly key: string;
  readonly result?: TaskResult;
  /** Why it does not count; absent where it is viable. */
  readonly problem?: { readonly stage: CandidateStage; readonly text: string };
  /** 0 to 1, of a verification that passed. */
  readonly verified?: number;
  readonly judged?: Score;
  /** Final, 0 to 1. */
  readonly score?: number;
  readonly scorerAttempts: number;
}

export type CandidateStage = "generate" | "verify" | "score" | "threshold";

/**
 * Generates, verifies, scores. What fails the verification is not scored: no score could save it.
 */
export async function candidate(
  ctx: StrategyContext,
  params: ScoringParams,
  parts: CandidateParts,
): Promise<Candidate> {
  const { task, baseBranch, hint, plugin, model } = parts;
  const generator = ctx.run(
    {
      prompt: generatorPrompt({ task, hint, voice: params.generator_prompt }),
      baseBranch,
      ...given({ plugin, model: model ?? params.generator_model }),
    },
    { key: ctx.key(...parts.keys, "gen") },
  );
  const made: Candidate = { key: generator.key, scorerAttempts: 0 };
  const end = await endOf(ctx, generator);
  if (end.status === "failed") {
    return { ...made, problem: { stage: "generate", text: end.failure.message } };
  }
  const { result } = end;
  const verified = await verify(ctx, params, parts, result);
  if (typeof verified === "string") {
    return { ...made, result, problem: { stage: "verify", text: verified } };
  }
  const asked = await judge(ctx, params, parts, result);
  const known = { ...made, result, ...given({ verified }), scorerAttempts: asked.attempts };
  if (!asked.ok) {
    const tries = `${asked.attempts} ${asked.attempts === 1 ? "attempt" : "attempts"}`;
    const text = `no valid score in ${tries}: ${asked.problem}`;
    return { ...known, problem: { stage: "score", text } };
  }
  const score = finalScore(asked.value.normalised, verified, params.verify_weight);
  const scored = { ...known, judged: asked.value, score };
  const onScale = rounded(score * params.score_scale_max);
  const least = params.fail_below_score;
  if (least === undefined || onScale >= least) return scored;
  return {
    ...scored,
    problem: { stage: "threshold", text: `the score ${onScale} is below ${least}` },
  };
}

/** 0 to 1; undefined where none is asked for; why not, where it did not pass. */
async function verify(
  ctx: StrategyContext,
  params: ScoringParams,
  parts: CandidateParts,
  result: TaskResult,
): Promise<number | string | undefined> {
  if (params.verify === undefined) return undefined;
  const told = typeof params.verify === "string" ? { command: params.verify } : params.verify;
  const { command, files, image, timeout_s: seconds, network } = told;
  const work: VerifyTask = {
    verify: { command, ...given({ files }) },
    baseBranch: result.branch ?? parts.baseBranch,
    ...given({ image, networkEgress: network }),
    ...(seconds === undefined ? {} : { timeoutMs: Math.ceil(seconds * 1000) }),
  };
  const end = await endOf(ctx, ctx.run(work, { key: ctx.key(...parts.keys, "verify") }));
  if (end.status === "failed") return `the verification could not be run: ${end.failure.message}`;
  const { verify: verification } = end.result;
  if (verification?.timedOut) return "the verification ran out of time";
  if (!verification?.passed) {
    const last = lastWords(verification?.output ?? "");
    const said = last === "" ? "" : `: ${last}`;
    return `the verification ended with ${verification?.exitCode ?? "?"}${said}`;
  }
  return verifiedScore(verification.output);
}

function judge(
  ctx: StrategyContext,
  params: ScoringParams,
  { task, baseBranch, keys }: CandidateParts,
  { branch, commits, finalMessage }: TaskResult,
): Promise<Asked<Score>> {
  const weights = weightsOf(params);
  const scaleMax = params.score_scale_max;
  const said = { task, baseBranch, commits, finalMessage, weights, scaleMax };
  return ask(ctx, {
    key: ctx.key(...keys, "score"),
    attempts: params.scorer_max_retries + 1,
    task: (correction) => ({
      prompt: scorerPrompt({ ...said, voice: params.scorer_prompt, correction }),
      ...onWork(params, branch, baseBranch),
      ...(params.read_only_scoring ? LOOKS_ONLY : {}),
      ...given({ model: params.scorer_model, maxTurns: params.max_turns }),
    }),
    read: (result) => parseScore(result.finalMessage ?? "", weights, scaleMax),
  });
}

/** What is told of a candidate beside its instance. */
export function candidateMetadata(
  { result, problem, verified, judged, score, scorerAttempts }: Candidate,
  params: ScoringParams,
): JsonObject {
  const scaleMax = params.score_scale_max;
  return {
    branch: (result?.commits ? result.branch : undefined) ?? null,
    has_changes: result?.hasChanges ?? false,
    score: score === undefined ? null : rounded(score * scaleMax),
    score_scale_max: scaleMax,
    normalised_score: score ?? null,
    judged: judged?.score ?? null,
    sub_scores: judged ? { ...judged.aspects } : null,
    verified: verified ?? null,
    feedback: judged?.feedback ?? null,
    scorer_success: judged !== undefined,
    scorer_attempts: scorerAttempts,
    failed_stage: problem?.stage ?? null,
    reason: problem?.text ?? null,
  };
}

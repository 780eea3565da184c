import { z } from "zod";
import { defineStrategy, type JsonObject, pluginParam, type StrategyOutcome } from "../../sdk.ts";
import { type Candidate, candidate, candidateMetadata } from "../scoring/candidate.ts";
import {
  refuseContradictions,
  type ScoringParams,
  scoringParams,
  weightsOf,
} from "../scoring/params.ts";
import { failed } from "../steps/failed.ts";
import { selectBest } from "./selection.rules.ts";

/** Several agents do the same work side by side; each is judged as soon as it is done; one is chosen. */
export const bestOfN = defineStrategy({
  name: "best-of-n",
  params: z
    .strictObject({
      n: z.int().min(1).max(50).default(5),
      ...scoringParams,
      /** By a candidate's place: the first is for the first. */
      diversity_hints: z.array(z.string().max(4_000)).default([]),
      tie_breaker: z.enum(["first", "random"]).default("first"),
      require_min_success: z.int().min(1).max(50).default(1),
      /** Candidates take them in turn, plugins and models alike. */
      plugins: z.array(pluginParam()).default([]),
      models: z.array(z.string().min(1).max(200)).default([]),
    })
    .superRefine((params, ctx) => {
      refuseContradictions(params, ctx);
      if (params.require_min_success <= params.n) return;
      const message = `expected at most the number of candidates, n=${params.n}, not ${params.require_min_success}`;
      ctx.addIssue({ code: "custom", path: ["require_min_success"], message });
    }),
  async execute({ prompt, baseBranch, params }, ctx): Promise<StrategyOutcome> {
    const { n, diversity_hints: hints, plugins, models } = params;
    const candidates = await Promise.all(
      Array.from({ length: n }, async (_, index) => {
        const hint = hints[index]?.trim() || undefined;
        const plugin = plugins[index % plugins.length];
        const model = models[index % models.length] ?? params.generator_model;
        const keys = [`cand${index + 1}`];
        const parts = { task: prompt, baseBranch, keys, hint, plugin, model };
        return { index, hint, plugin, model, ...(await candidate(ctx, params, parts)) };
      }),
    );

    const viable = candidates.flatMap((one) =>
      one.problem === undefined && one.score !== undefined ? [{ ...one, score: one.score }] : [],
    );
    const told = {
      total_candidates: n,
      successful_candidates: viable.length,
      scorer_model: params.scorer_model ?? params.model ?? null,
      weights: { ...weightsOf(params) },
      candidates: candidates.map((one) => briefly(one, n, params)),
    };
    const tasks = viable.map(({ key }) => key);
    if (viable.length < params.require_min_success) {
      const reason = `${viable.length} of ${n} candidates are viable, ${params.require_min_success} required: ${reasons(candidates)}`;
      return failed(reason, tasks, told);
    }
    const selection = selectBest(viable, params.tie_breaker, () => ctx.rand());
    if (selection === undefined) return failed("no candidate is viable", tasks, told);
    const { chosen, reason, tied } = selection;
    const metadata = {
      ...told,
      ...candidateMetadata(chosen, params),
      selected: true,
      selection_reason: reason,
      tied_candidates: tied,
      bestofn_index: chosen.index + 1,
      bestofn_total: n,
      diversity_hint: chosen.hint ?? null,
    };
    return { status: "succeeded", tasks, chosen: chosen.key, metadata };
  },
});

interface Numbered extends Candidate {
  readonly index: number;
  readonly hint: string | undefined;
  readonly plugin: string | undefined;
  readonly model: string | undefined;
}

/** Characters of a text about one candidate: an outcome tells of all of them, and has its bounds. */
const briefLength = (n: number): number => Math.min(300, Math.floor(2_500 / n));

function briefly(one: Numbered, n: number, params: ScoringParams): JsonObject {
  const { feedback, reason, ...rest } = candidateMetadata(one, params);
  const cut = (text: unknown): string | null =>
    typeof text === "string" ? text.slice(0, briefLength(n)).toWellFormed() : null;
  return {
    index: one.index + 1,
    key: one.key,
    plugin: one.plugin ?? null,
    model: one.model ?? params.model ?? null,
    diversity_hint: cut(one.hint ?? null),
    ...rest,
    feedback: cut(feedback),
    reason: cut(reason),
  };
}

const reasons = (candidates: readonly Numbered[]): string =>
  candidates
    .flatMap(({ index, problem }) => (problem ? [`candidate ${index + 1}: ${problem.text}`] : []))
    .join("; ");

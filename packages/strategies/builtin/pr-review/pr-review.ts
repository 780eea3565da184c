import { z } from "zod";
import {
  branchParam,
  type CommonParams,
  defineStrategy,
  type StrategyContext,
  type StrategyInput,
  type StrategyOutcome,
  stepParams,
  textFileParam,
} from "../../sdk.ts";
import { lastWords } from "../answers/answer.ts";
import { type Asked, ask, LOOKS_ONLY } from "../steps/ask.ts";
import { failed } from "../steps/failed.ts";
import { given } from "../steps/given.ts";
import { composerPrompt } from "./composer.prompt.ts";
import { type Composition, parseComposition, shownFindings } from "./composition.rules.ts";
import { countsOf, type Finding, merged, parseFindings, SEVERITIES } from "./findings.rules.ts";
import { type ReviewParts, reviewIndexText } from "./review-index.rules.ts";
import { reviewerPrompt } from "./reviewer.prompt.ts";
import { validatorPrompt } from "./validator.prompt.ts";
import { eventOf, failing, failsRun, verdictOf } from "./verdict.rules.ts";

const Severity = z.preprocess(
  (said) => (typeof said === "string" ? said.toUpperCase() : said),
  z.enum(SEVERITIES),
);

const params = z.strictObject({
  reviewers: z.int().min(1).max(20).default(3),
  reviewer_max_retries: z.int().min(0).max(20).default(0),
  validator_max_retries: z.int().min(0).max(20).default(1),
  /** What the changes are compared with. They are what the run's own base branch has beyond it. */
  base_branch: branchParam().optional(),
  fail_on: z.array(Severity).default(["HIGH"]),
  ...stepParams("reviewer", "validator", "composer"),
  review_instructions: z.string().optional(),
  review_instructions_path: textFileParam().optional(),
  validator_instructions: z.string().optional(),
  validator_instructions_path: textFileParam().optional(),
  composer_instructions: z.string().optional(),
  composer_instructions_path: textFileParam().optional(),
  ci_fail_policy: z.enum(["needs_changes", "always", "never"]).default("needs_changes"),
});
type Input = StrategyInput<z.output<typeof params> & CommonParams>;

/** A composer whose answer cannot be used is asked once more; the verdict does not hang on it. */
const COMPOSER_ATTEMPTS = 2;

/** Several agents review side by side, each review is checked, one agent picks what is shown. */
export const prReview = defineStrategy({
  name: "pr-review",
  params,
  async check({ params: { base_branch: compareWith }, baseBranch }) {
    if (compareWith !== baseBranch) return [];
    const message = `${baseBranch} is what is to be reviewed, and cannot be compared with itself; check out the branch with the changes, or name it with --base-branch`;
    return [{ param: "base_branch", message }];
  },
  async execute(input, ctx): Promise<StrategyOutcome> {
    const { reviewers, fail_on: failOn, ci_fail_policy: policy } = input.params;
    const reviews = await Promise.all(
      Array.from({ length: reviewers }, (_, index) => review(ctx, input, index + 1)),
    );
    const usable = reviews.filter((one) => one.ok);
    const unused = reviews.filter((one) => !one.ok);
    const tasks = usable.map(({ result }) => result.key);
    const problems = unused.map(({ key, problem }) => `${key}: ${problem}`).join("; ");
    const told = { reviewers, unusable_reviews: unused.length };
    if (usable.length === 0) return failed(`no review could be used: ${problems}`, tasks, told);

    const findings = merged(usable.flatMap(({ value }) => value));
    const counts = countsOf(findings);
    const verdict = verdictOf(findings, failOn, unused.length);
    const event = eventOf(verdict, findings);
    const composed = findings.length === 0 ? undefined : await compose(ctx, input, findings);
    const selected = composed?.ok ? composed.value : everything(findings);
    const shown = shownFindings(findings, selected.selectedIds, failing(findings, failOn));

    const outcome = {
      tasks: composed?.ok ? [composed.result.key, ...tasks] : tasks,
      files: indexFile({
        ...{ verdict, event, intro: selected.intro, counts, shown },
        commit: input.baseCommit,
      }),
      metadata: {
        ...told,
        pr_review_verdict: verdict,
        pr_review_should_fail: failsRun(verdict, policy),
        pr_review_counts: { ...counts },
        event,
        invalid_composer: composed !== undefined && !composed.ok,
        selected_ids: shown.map(({ uid }) => uid),
      },
    };
    if (!failsRun(verdict, policy)) return { status: "succeeded", ...outcome };
    const why =
      verdict === "NEEDS_CHANGES"
        ? `changes are needed: ${counts.HIGH} HIGH, ${counts.MEDIUM} MEDIUM, ${counts.LOW} LOW`
        : verdict === "INCOMPLETE"
          ? `${unused.length} of ${reviewers} reviews could not be used: ${problems}`
          : "nothing was found that fails the review, but ci_fail_policy is always";
    return { ...outcome, ...failed(why, outcome.tasks, outcome.metadata) };
  },
});

/** The verdict, what is shown of the findings, and the review in the form that review sites take. */
const indexFile = (parts: ReviewParts) => ({ "review/index.json": reviewIndexText(parts) });

const everything = (findings: readonly Finding[]): Composition => ({
  intro: findings.length === 0 ? "No findings." : "These are the findings of the review.",
  selectedIds: findings.map(({ uid }) => uid),
});

/** The file's text wins, unless it is blank. */
function instructionsOf(
  { params, files }: Input,
  step: "review" | "validator" | "composer",
): string | undefined {
  const path = params[`${step}_instructions_path`];
  const text = path === undefined ? undefined : files[path];
  return text?.trim() ? text : params[`${step}_instructions`];
}

/** What every step is told of the changes, and sees of them. */
function changes({ prompt: task, baseBranch, params }: Input) {
  const included = params.include_branches ?? [];
  const compareWith = params.base_branch ?? included.find((branch) => branch !== baseBranch);
  const beside = new Set(compareWith === undefined ? included : [...included, compareWith]);
  beside.delete(baseBranch);
  return {
    said: { task, compareWith },
    at: { baseBranch, includeBranches: [...beside], ...LOOKS_ONLY },
  };
}

async function review(
  ctx: StrategyContext,
  input: Input,
  reviewer: number,
): Promise<Asked<readonly Finding[]>> {
  const { params } = input;
  const { said, at } = changes(input);
  const reviewed = await ask(ctx, {
    key: ctx.key("r", reviewer, "review"),
    attempts: params.reviewer_max_retries + 1,
    task: (correction) => ({
      prompt: reviewerPrompt({
        ...said,
        ...{ correction, voice: params.reviewer_prompt },
        instructions: instructionsOf(input, "review"),
      }),
      ...at,
      ...given({ model: params.reviewer_model }),
    }),
    read: lastWords,
  });
  if (!reviewed.ok) return reviewed;
  return ask(ctx, {
    key: ctx.key("r", reviewer, "validate"),
    attempts: params.validator_max_retries + 1,
    task: (correction) => ({
      prompt: validatorPrompt({
        ...said,
        ...{ review: reviewed.value, correction, voice: params.validator_prompt },
        instructions: instructionsOf(input, "validator"),
      }),
      ...at,
      ...given({ model: params.validator_model }),
    }),
    read: ({ finalMessage = "" }) => parseFindings(finalMessage),
  });
}

function compose(ctx: StrategyContext, input: Input, findings: readonly Finding[]) {
  const { said, at } = changes(input);
  const { composer_prompt: voice, composer_model: model } = input.params;
  const instructions = instructionsOf(input, "composer");
  return ask(ctx, {
    key: ctx.key("compose"),
    attempts: COMPOSER_ATTEMPTS,
    task: (correction) => ({
      prompt: composerPrompt({ task: said.task, findings, instructions, voice, correction }),
      ...at,
      ...given({ model }),
    }),
    read: ({ finalMessage = "" }) => parseComposition(finalMessage, findings),
  });
}

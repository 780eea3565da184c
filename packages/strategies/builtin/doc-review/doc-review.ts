import { PitayaError } from "@pitaya/protocol";
import { z } from "zod";
import {
  defineStrategy,
  type StrategyContext,
  type StrategyInput,
  type StrategyOutcome,
  stepParams,
  type TaskResult,
  textFileParam,
} from "../../sdk.ts";
import { answered } from "../answers/answer.ts";
import { ask } from "../steps/ask.ts";
import { committedFile } from "../steps/committed-file.ts";
import { failed } from "../steps/failed.ts";
import { given } from "../steps/given.ts";
import { repositoryPath } from "../steps/repository-path.ts";
import { resultsPath } from "../steps/results-path.rules.ts";
import { composerPrompt } from "./composer.prompt.ts";
import { type Page, parsePages } from "./pages.rules.ts";
import { reviewerPrompt } from "./reviewer.prompt.ts";
import { validatorPrompt } from "./validator.prompt.ts";

const params = z.strictObject({
  /** YAML or JSON: a list of `{title, path, slug?}`, or the same under `pages`. */
  pages_file: textFileParam(),
  reviewers_per_page: z.int().min(1).max(20).default(1),
  report_dir: repositoryPath().default("reports/doc-review"),
  ...stepParams("reviewer", "validator", "composer"),
  reviewer_max_retries: z.int().min(0).max(20).default(3),
  validator_max_retries: z.int().min(0).max(20).default(3),
});
type Input = StrategyInput<z.output<typeof params>>;

/** A missing final report is asked for once more. */
const COMPOSER_ATTEMPTS = 2;
/** Of the files an outcome may have. The final report is one of them. */
const MAX_FILES = 64;

/** A page as one reviewer sees it. */
interface Review {
  readonly page: Page;
  /** From 1. */
  readonly reviewer: number;
  /** In the repository. */
  readonly reportPath: string;
}

type Reviewed = Review &
  (
    | { readonly ok: true; readonly text: string; readonly key: string }
    | { readonly ok: false; readonly problem: string }
  );

/** Every page is reviewed, every review checked, side by side; then one agent writes the report. */
export const docReview = defineStrategy({
  name: "doc-review",
  params,
  async check({ params: { pages_file: name }, files, baseBranch, missingPaths }) {
    const wrong = (message: string) => [{ param: "pages_file", message: `${name} ${message}` }];
    const pages = parsePages(files[name] ?? "");
    if (!pages.ok) return wrong(pages.problem);
    const missing = new Set(await missingPaths(pages.value.map(({ path }) => path)));
    const named = pages.value.flatMap(({ path }, index) =>
      missing.has(path) ? [`${path} (page ${index + 1})`] : [],
    );
    if (named.length === 0) return [];
    return wrong(
      `lists files that ${baseBranch} does not have: ${named.join(", ")}; mend the list, or commit them`,
    );
  },
  async execute(input, ctx): Promise<StrategyOutcome> {
    const { reviewers_per_page: reviewers, report_dir: dir } = input.params;
    const pages = pagesOf(input);
    const reviews = pages.flatMap((page) =>
      Array.from({ length: reviewers }, (_, index): Review => {
        const reviewer = index + 1;
        const reportPath = `${dir}/raw/REPORT_${page.slug}__r${reviewer}.md`;
        return { page, reviewer, reportPath };
      }),
    );
    const reviewed = await Promise.all(reviews.map((review) => reviewPage(ctx, input, review)));

    const reports = reviewed.filter((one) => one.ok);
    const missing = reviewed.filter((one) => !one.ok);
    const tasks = reports.map(({ key }) => key);
    const told = {
      pages: pages.length,
      reviews: reviewed.length,
      reports: reports.length,
      missing: missing.length,
    };
    const reasons = missing.map((one) => `${nameOf(one)}: ${one.problem}`).join("; ");
    const incomplete = `${missing.length} of ${reviewed.length} reviews have no report: ${reasons}`;
    if (reports.length === 0) return failed(incomplete, tasks, told);

    const reportPath = `${dir}/REPORT.md`;
    const composed = await compose(ctx, input, reports, missing.map(nameOf), reportPath);
    const raw = reports.map(({ reportPath: path, text }) => [resultsPath(path), text] as const);
    const kept = Object.fromEntries(raw.slice(0, MAX_FILES - 1));
    if (!composed.ok) {
      const reason = `there is no ${reportPath}: ${composed.problem}`;
      return { ...failed(reason, tasks, told), files: kept };
    }
    const all = [composed.result.key, ...tasks];
    const files = { [resultsPath(reportPath)]: composed.value, ...kept };
    const metadata = {
      ...told,
      report_path: reportPath,
      report_branch: composed.result.branch ?? null,
    };
    if (missing.length > 0) return { ...failed(incomplete, all, metadata), files };
    return { status: "succeeded", tasks: all, files, metadata };
  },
});

const nameOf = ({ page, reviewer }: Review): string =>
  `${page.title} (${page.path}), reviewer ${reviewer}`;

/** @throws `usage` where the file is no list of pages */
function pagesOf({ params, files }: Input): readonly Page[] {
  const name = params.pages_file;
  const pages = parsePages(files[name] ?? "");
  if (pages.ok) return pages.value;
  throw new PitayaError("usage", `pages_file ${name} ${pages.problem}`);
}

/** The chain of one page and one reviewer: a report is checked as soon as it is there. */
async function reviewPage(ctx: StrategyContext, input: Input, review: Review): Promise<Reviewed> {
  const { prompt: task, baseBranch, params } = input;
  const { page, reviewer, reportPath } = review;
  const keys = ["page", page.slug, `r${reviewer}`] as const;
  const written = await ask(ctx, {
    key: ctx.key(...keys, "review"),
    attempts: params.reviewer_max_retries + 1,
    task: (correction) => ({
      prompt: reviewerPrompt({
        ...{ task, page, reportPath, correction },
        voice: params.reviewer_prompt,
      }),
      baseBranch,
      ...given({ model: params.reviewer_model }),
    }),
    read: (result) => committedFile(ctx, result, reportPath),
  });
  if (!written.ok) return { ...review, ok: false, problem: written.problem };

  const from = written.result;
  const checked = await ask(ctx, {
    key: ctx.key(...keys, "validate"),
    attempts: params.validator_max_retries + 1,
    task: (correction) => ({
      prompt: validatorPrompt({
        ...{ task, page, reportPath, correction },
        voice: params.validator_prompt,
      }),
      baseBranch: from.branch ?? baseBranch,
      ...given({ model: params.validator_model }),
    }),
    async read(result: TaskResult) {
      // Every finding stands as it is written: the reviewer's branch has the report.
      if (!result.hasChanges) return answered({ key: from.key, text: written.value });
      const file = await committedFile(ctx, result, reportPath);
      return file.ok ? answered({ key: result.key, text: file.value }) : file;
    },
  });
  if (!checked.ok) return { ...review, ok: false, problem: `not checked: ${checked.problem}` };
  return { ...review, ok: true, ...checked.value };
}

function compose(
  ctx: StrategyContext,
  { prompt: task, baseBranch, params }: Input,
  reports: readonly (Review & { readonly text: string })[],
  missing: readonly string[],
  reportPath: string,
) {
  const { composer_prompt: voice, composer_model: model } = params;
  return ask(ctx, {
    key: ctx.key("compose"),
    attempts: COMPOSER_ATTEMPTS,
    task: (correction) => ({
      prompt: composerPrompt({ task, reports, missing, reportPath, voice, correction }),
      baseBranch,
      ...given({ model }),
    }),
    read: (result) => committedFile(ctx, result, reportPath),
  });
}

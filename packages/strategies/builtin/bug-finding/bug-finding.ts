import { z } from "zod";
import {
  defineStrategy,
  type JsonObject,
  type StrategyContext,
  type StrategyInput,
  type StrategyOutcome,
  stepParams,
} from "../../sdk.ts";
import { type Answer, answered, lastWords } from "../answers/answer.ts";
import { type Asked, ask, endOf, LOOKS_ONLY } from "../steps/ask.ts";
import { committedFile } from "../steps/committed-file.ts";
import { failed } from "../steps/failed.ts";
import { given } from "../steps/given.ts";
import { repositoryPath } from "../steps/repository-path.ts";
import { resultsPath } from "../steps/results-path.rules.ts";
import { discoveryPrompt } from "./discovery.prompt.ts";
import { fixPrompt } from "./fix.prompt.ts";
import { DISCOVERY_FORM, REPORT_FORM, wholeReport } from "./report-form.rules.ts";
import { NO_BUG_FOUND, NOT_CONFIRMED, statementIn } from "./statements.rules.ts";
import { validatorPrompt } from "./validator.prompt.ts";

const params = z.strictObject({
  /** A path, or words; the whole repository where it is empty. */
  target_area: z.string().default(""),
  bug_focus: z.string().default(""),
  report_path: repositoryPath()
    .refine((path) => !/(?:^|\/)\.?$/.test(path), {
      error: ({ input }) => `expected a file, not the directory ${input}`,
    })
    .default("BUG_REPORT.md"),
  /** The fix is the generator's. */
  propose_fix: z.boolean().default(true),
  ...stepParams("discovery", "validator", "generator"),
  discovery_max_retries: z.int().min(0).max(20).default(1),
  validation_max_retries: z.int().min(0).max(20).default(1),
  read_only_discovery: z.boolean().default(true),
});
type Input = StrategyInput<z.output<typeof params>>;

/** One agent finds a bug, another one reproduces it from nothing, a third one fixes it. */
export const bugFinding = defineStrategy({
  name: "bug-finding",
  params,
  async execute(input, ctx): Promise<StrategyOutcome> {
    const found = await discover(ctx, input);
    if (!found.ok) return unconfirmed(`no bug was reported: ${found.problem}`, [found.key]);
    const discovery = found.result.key;
    if (!found.value.found) {
      return unconfirmed(colon("no bug was found", found.value.why), [discovery]);
    }

    const checked = await validate(ctx, input, found.value.report);
    if (!checked.ok) {
      return unconfirmed(`the bug is not confirmed: ${checked.problem}`, [discovery, checked.key]);
    }
    const validation = checked.result.key;
    if (!checked.value.confirmed) {
      const reason = colon("the bug is not confirmed", checked.value.why);
      return unconfirmed(reason, [discovery, validation]);
    }
    const { report } = checked.value;
    const branch = checked.result.branch ?? null;
    const confirmed = {
      tasks: [discovery, validation],
      files: { [resultsPath(input.params.report_path)]: report },
      metadata: { bug_confirmed: true, bug_report_branch: branch, fix_branch: null },
    };
    if (!input.params.propose_fix) return { status: "succeeded", ...confirmed };
    return fix(ctx, input, report, confirmed);
  },
});

const unconfirmed = (reason: string, tasks: readonly string[]): StrategyOutcome =>
  failed(reason, tasks, { bug_confirmed: false, bug_report_branch: null, fix_branch: null });

const colon = (what: string, why: string): string => (why === "" ? what : `${what}: ${why}`);

type Discovery =
  | { readonly found: true; readonly report: string }
  | { readonly found: false; readonly why: string };

function discover(
  ctx: StrategyContext,
  { prompt, baseBranch, params }: Input,
): Promise<Asked<Discovery>> {
  const { target_area: targetArea, bug_focus: bugFocus, discovery_prompt: voice } = params;
  return ask(ctx, {
    key: ctx.key("discovery"),
    attempts: params.discovery_max_retries + 1,
    task: (correction) => ({
      prompt: discoveryPrompt({ task: prompt, targetArea, bugFocus, voice, correction }),
      baseBranch,
      ...(params.read_only_discovery ? LOOKS_ONLY : {}),
      ...given({ model: params.discovery_model }),
    }),
    read(result): Answer<Discovery> {
      const words = lastWords(result);
      if (!words.ok) return words;
      const why = statementIn(words.value, NO_BUG_FOUND);
      if (why !== undefined) return answered({ found: false, why });
      const report = wholeReport(words.value, DISCOVERY_FORM);
      return report.ok ? answered({ found: true, report: report.value }) : report;
    },
  });
}

type Validation =
  | { readonly confirmed: true; readonly report: string }
  | { readonly confirmed: false; readonly why: string };

/** On the base branch, not on anything the discoverer may have left. */
function validate(
  ctx: StrategyContext,
  { prompt, baseBranch, params }: Input,
  report: string,
): Promise<Asked<Validation>> {
  const { report_path: reportPath, validator_prompt: voice } = params;
  return ask(ctx, {
    key: ctx.key("validation"),
    attempts: params.validation_max_retries + 1,
    task: (correction) => ({
      prompt: validatorPrompt({ task: prompt, report, reportPath, voice, correction }),
      baseBranch,
      ...given({ model: params.validator_model }),
    }),
    async read(result): Promise<Answer<Validation>> {
      if (!result.hasChanges) {
        const why = statementIn(result.finalMessage ?? "", NOT_CONFIRMED);
        if (why !== undefined) return answered({ confirmed: false, why });
      }
      const file = await committedFile(ctx, result, reportPath);
      const report = file.ok ? wholeReport(file.value, REPORT_FORM) : file;
      return report.ok ? answered({ confirmed: true, report: report.value }) : report;
    },
  });
}

async function fix(
  ctx: StrategyContext,
  { prompt, baseBranch, params }: Input,
  report: string,
  confirmed: {
    readonly tasks: readonly string[];
    readonly files: Readonly<Record<string, string>>;
    readonly metadata: JsonObject;
  },
): Promise<StrategyOutcome> {
  const task = ctx.run(
    {
      prompt: fixPrompt({ task: prompt, report, voice: params.generator_prompt }),
      baseBranch,
      ...given({ model: params.generator_model }),
    },
    { key: ctx.key("fix") },
  );
  const end = await endOf(ctx, task);
  const tasks = [...confirmed.tasks, task.key];
  const { files, metadata } = confirmed;
  const why =
    end.status === "failed"
      ? end.failure.message
      : end.result.hasChanges
        ? undefined
        : "nothing was committed";
  if (why !== undefined) {
    return { ...failed(`the bug is confirmed, and not fixed: ${why}`, tasks, metadata), files };
  }
  const branch = end.status === "succeeded" ? (end.result.branch ?? null) : null;
  return { status: "succeeded", tasks, files, metadata: { ...metadata, fix_branch: branch } };
}

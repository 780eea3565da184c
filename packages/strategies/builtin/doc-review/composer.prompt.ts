import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import type { Page } from "./pages.rules.ts";

const VOICE = `
You write the report on a review of documentation, from the reports on its pages. Whoever reads yours
wants to know what to mend first. Order the findings by what they cost a reader, put together what has
one cause across pages, and lose none. You did not review the pages: change no finding's meaning.
`;

export interface CompositionInputs extends Wording {
  readonly task: string;
  readonly reports: readonly {
    readonly page: Page;
    /** From 1. */
    readonly reviewer: number;
    readonly text: string;
  }[];
  /** Reviews that gave no report, to be told of in it. */
  readonly missing: readonly string[];
  readonly reportPath: string;
}

/** Asks for the committed final report. */
export function composerPrompt(inputs: CompositionInputs): string {
  const { voice = VOICE, task, reports, missing, reportPath, correction } = inputs;
  return promptText(
    voice,
    section("task", task),
    ...reports.map(({ page, reviewer, text }) =>
      section("report", `Page: ${page.title} (${page.path}), reviewer ${reviewer}\n\n${text}`),
    ),
    section("missing", missing.join("\n")),
    section(
      "output",
      `Change no page. Write the file ${reportPath} and commit that file alone. It is Markdown: a summary of at most ten lines; then the findings as a checklist (- [ ] **n. Title**, page,
location, description), numbered from 1 through all of it, the most important first; then one line a
page with its number of findings, also for pages without any. Where reviews are missing, the summary
says which.`,
    ),
    correctionPart(correction),
  );
}

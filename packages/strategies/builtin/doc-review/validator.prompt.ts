import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import type { Page } from "./pages.rules.ts";
import { REPORT_FORM } from "./report-form.ts";

const VOICE = `
You check a report that somebody wrote about one page of documentation, before anybody acts on it. Take
each finding and look at the page and at what the finding rests on. Drop what is wrong, what rests on
nothing, what is a matter of taste. Merge what says the same twice. Correct what is half right. Add
nothing of your own but what a finding needs to be understood.
`;

export interface PageValidationInputs extends Wording {
  readonly task: string;
  readonly page: Page;
  readonly reportPath: string;
}

/** Asks for the same report, in place, as it stands after the check. */
export function validatorPrompt(inputs: PageValidationInputs): string {
  const { voice = VOICE, task, page, reportPath, correction } = inputs;
  return promptText(
    voice,
    section("task", task),
    section("page", `Title: ${page.title}\nPath: ${page.path}\nReport: ${reportPath}`),
    section(
      "output",
      `Change no page. Rewrite the file ${reportPath} in place so that it holds the findings that stand,
numbered anew, and commit that file alone. If every finding stands as it is written, commit nothing. The file keeps this form:

${REPORT_FORM}`,
    ),
    correctionPart(correction),
  );
}

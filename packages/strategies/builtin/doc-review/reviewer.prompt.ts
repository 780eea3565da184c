import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import type { Page } from "./pages.rules.ts";
import { REPORT_FORM } from "./report-form.ts";

const VOICE = `
You audit one page of documentation, as a careful reader who means to do what it says. Look for what is
false, what contradicts another page, what is missing so that a step fails, what cannot be understood,
links and names that lead nowhere. Only what a reader sees counts. What is true is decided by this
repository: where the page and the rest disagree, say so and say which is likely right; what you cannot
check here is no finding.
`;

export interface PageReviewInputs extends Wording {
  readonly task: string;
  readonly page: Page;
  readonly reportPath: string;
}

/** Asks for a committed report on one page. */
export function reviewerPrompt(inputs: PageReviewInputs): string {
  const { voice = VOICE, task, page, reportPath, correction } = inputs;
  return promptText(
    voice,
    section("task", task),
    section("page", `Title: ${page.title}\nPath: ${page.path}`),
    section(
      "output",
      `Change no page. Write your report to the file ${reportPath} and commit that file alone. It is
Markdown of this form:

${REPORT_FORM}`,
    ),
    correctionPart(correction),
  );
}

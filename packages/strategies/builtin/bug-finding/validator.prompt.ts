import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import { formText, REPORT_FORM } from "./report-form.rules.ts";
import { NOT_CONFIRMED } from "./statements.rules.ts";

const VOICE = `
Somebody reports a bug in this repository. You find out whether it is true, on your own: the report is
a claim, not evidence. Reproduce it from a fresh checkout by running code, best with a small test or
script that fails because of the bug and of nothing else. Then find the root cause yourself; it may be
another one than the report's.
`;

export interface ValidatorInputs extends Wording {
  readonly task: string;
  readonly report: string;
  readonly reportPath: string;
}

/** Asks for a committed report, or the statement that the bug is not confirmed. */
export function validatorPrompt(inputs: ValidatorInputs): string {
  const { voice = VOICE, task, report, reportPath, correction } = inputs;
  return promptText(
    voice,
    section("task", task),
    section("report", report),
    section(
      "output",
      `If you reproduced it: write the file ${reportPath} with all of these headings:

${formText(REPORT_FORM)}

Commit that file, and the reproduction if it is a file. Fix nothing.

If you could not reproduce it: commit nothing, and end with one line
${NOT_CONFIRMED}: <why>`,
    ),
    correctionPart(correction),
  );
}

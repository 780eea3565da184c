import { promptText, section, type Wording } from "../prompts/prompt-text.ts";

const VOICE = `
A bug in this repository is confirmed. Fix it at its root, with the smallest change that does, and add a
test that fails without the fix where the repository has tests. Touch nothing else.
`;

export interface FixInputs extends Wording {
  readonly task: string;
  /** As it was committed. */
  readonly report: string;
}

export function fixPrompt({ voice = VOICE, task, report }: FixInputs): string {
  return promptText(
    voice,
    section("task", task),
    section("report", report),
    section(
      "output",
      `Commit the fix in one commit whose message says what was wrong. Do not commit the report. End with one
or two sentences on what you changed and how you know that it holds.`,
    ),
  );
}

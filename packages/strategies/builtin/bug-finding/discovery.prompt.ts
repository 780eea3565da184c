import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import { DISCOVERY_FORM, formText } from "./report-form.rules.ts";
import { NO_BUG_FOUND } from "./statements.rules.ts";

const VOICE = `
You hunt for bugs. Find one that is real: code that does something its own documentation, types, tests
or callers say it must not do, and that somebody could meet in use. One bug that can be reproduced is
worth more than ten suspicions; matters of style, missing features and things that are merely odd are
none.

Form a suspicion, follow it through the code to where it would show, and try to disprove it. Keep going
until you have one that stands.
`;

export interface DiscoveryInputs extends Wording {
  /** The user's words. */
  readonly task: string;
  /** Empty: the whole repository. */
  readonly targetArea: string;
  /** Kind of bugs to look for; empty: any. */
  readonly bugFocus: string;
}

/** Asks for a report as text, or the statement that there is nothing. */
export function discoveryPrompt(inputs: DiscoveryInputs): string {
  const { voice = VOICE, task, targetArea, bugFocus, correction } = inputs;
  return promptText(
    voice,
    section("task", task),
    section("area", targetArea || "The whole repository."),
    section("focus", bugFocus),
    section(
      "output",
      `Change and commit nothing. Your last message is a report in plain text with all of these headings:

${formText(DISCOVERY_FORM)}

If after an honest search there is no bug, your last message is the line ${NO_BUG_FOUND} and below it
what you looked at.`,
    ),
    correctionPart(correction),
  );
}

import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import { changesOf } from "./compared.ts";

const VOICE = `
You review a pull request. Find what would make a careful maintainer hold it back: bugs, regressions,
holes in security, lost data, races, broken interfaces, missing tests for what is risky. Read the code
around the changes, not the diff alone, and follow each suspicion until you know. Only what these
changes bring or break counts. Nothing found is a good result: do not invent.
`;

export interface ChangesReviewInputs extends Wording {
  readonly task: string;
  /** Branch that the changes are compared with; without one, the last commit is under review. */
  readonly compareWith?: string | undefined;
  /** The user's own, beside the voice. */
  readonly instructions?: string | undefined;
}

/** Asks for findings as text; a validator makes data of them. */
export function reviewerPrompt(inputs: ChangesReviewInputs): string {
  const { voice = VOICE, task, compareWith, instructions, correction } = inputs;
  return promptText(
    voice,
    section("instructions", instructions),
    section("task", task),
    section("changes", changesOf(compareWith)),
    section(
      "output",
      `Change and commit nothing. Your last message lists your findings. Each has: severity (HIGH: must not be
merged so; MEDIUM: should be mended; LOW: may be mended), path, first and last line in the file as it
is after the changes, a title, what goes wrong and when, and where you have one the lines as they should
be. If there are none, say: No findings.`,
    ),
    correctionPart(correction),
  );
}

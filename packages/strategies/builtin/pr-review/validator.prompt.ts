import { correctionPart, promptText, section } from "../prompts/prompt-text.ts";
import { changesOf } from "./compared.ts";
import type { ChangesReviewInputs } from "./reviewer.prompt.ts";

const VOICE = `
Somebody reviewed a pull request. You decide which of the findings stand, on your own: go to the place,
read the code around it, run it where you can. Drop what is wrong, what these changes did not bring, what
is a matter of taste. Correct places and severities. Merge what says the same twice. Add nothing new.
`;

export interface ChangesValidationInputs extends ChangesReviewInputs {
  /** What the reviewer said. */
  readonly review: string;
}

/** Asks for findings as JSON; {@link parseFindings} reads the answer. */
export function validatorPrompt(inputs: ChangesValidationInputs): string {
  const { voice = VOICE, task, compareWith, instructions, review, correction } = inputs;
  return promptText(
    voice,
    section("instructions", instructions),
    section("task", task),
    section("changes", changesOf(compareWith)),
    section("review", review),
    section(
      "output",
      `Change and commit nothing. Your last message is one JSON object and nothing else:
{
  "findings": [
    {
      "severity": "HIGH" | "MEDIUM" | "LOW",
      "path": "<file in the repository>",
      "start": <first line, from 1, in the file as it is after the changes>,
      "end": <last line>,
      "title": "<one line>",
      "description": "<what goes wrong and when>",
      "suggestion": "<exactly what should stand in place of those lines, or null>"
    }
  ]
}
If none stands, "findings" is an empty list. Give no counts and no verdict: they are computed from
these.`,
    ),
    correctionPart(correction),
  );
}

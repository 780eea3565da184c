import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import type { Finding } from "./findings.rules.ts";

const VOICE = `
You choose what the author of a pull request gets to read. Several reviewers worked side by side, so the
same thing may be there more than once. Pick the smallest set that says everything: of findings about
the same lines, or within two lines of each other, the one that says it best; leave LOW ones out unless
there are no others. Then write an introduction of one or two friendly, factual sentences.
`;

export interface ReviewCompositionInputs extends Wording {
  readonly task: string;
  readonly instructions?: string | undefined;
  readonly findings: readonly Finding[];
}

/** Asks for a selection as JSON; {@link parseComposition} reads the answer. */
export function composerPrompt(inputs: ReviewCompositionInputs): string {
  const { voice = VOICE, task, instructions, findings, correction } = inputs;
  const listed = findings.map(({ uid, suggestion: _, ...finding }) => ({ id: uid, ...finding }));
  return promptText(
    voice,
    section("instructions", instructions),
    section("task", task),
    section("findings", JSON.stringify(listed, null, 2)),
    section(
      "output",
      `Change and commit nothing. Your last message is one JSON object and nothing else:
{
  "intro": "<the introduction>",
  "selected_ids": ["<id of a finding above>"]
}`,
    ),
    correctionPart(correction),
  );
}

import { changeUnderReview } from "../prompts/change-under-review.ts";
import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";
import { type Aspect, type Weights, weighedAspects } from "./score-answer.rules.ts";

const VOICE = `
You judge a change that somebody else made to this repository. You are strict and fair: you believe
what the code does, not what it says of itself, and a change that looks finished but does not work is
worth little.

Read the task, then the change, then as much of the code around it as you need to know whether the
change does what the task asks. Where you can run the tests or the program without writing into the
repository, do. Judge the change only; what was wrong before and was not part of the task is not its
fault.
`;

const MEANING: Readonly<Record<Aspect, string>> = {
  correctness: "does it work, in the ordinary case and at the edges, and break nothing else?",
  completeness: "is everything done that the task asks for, and nothing left as a stub?",
  quality: "is it clear, minimal, in the style of the code around it, and tested where it matters?",
};

export interface ScorerInputs extends Wording {
  readonly task: string;
  /** Name of the branch that the work started from. */
  readonly baseBranch: string;
  /** How many commits there are to judge; with none, only what was said. */
  readonly commits: number;
  /** What the agent said at its end; given where that is all there is. */
  readonly finalMessage?: string | undefined;
  readonly weights: Weights;
  readonly scaleMax: number;
}

/** Asks for sub-scores as JSON; {@link parseScore} reads the answer. */
export function scorerPrompt(inputs: ScorerInputs): string {
  const { voice = VOICE, task, baseBranch, commits, finalMessage, correction } = inputs;
  const aspects = weighedAspects(inputs.weights);
  const work =
    commits > 0
      ? changeUnderReview(commits, baseBranch)
      : "No commit was made: the repository is as it was before the task. Judge what the answer alone is worth.";
  const rubric = aspects.map((aspect) => `${aspect}: ${MEANING[aspect]}`).join("\n");
  const form = [
    ...aspects.map((aspect) => `  "${aspect}": <number>,`),
    `  "reasoning": "<why, in at most five sentences>",`,
    `  "risks": ["<what may go wrong with it>"],`,
    `  "suggestions": ["<what would make it better>"]`,
  ].join("\n");
  return promptText(
    voice,
    section("task", task),
    section("work", work),
    commits > 0 ? undefined : section("answer", finalMessage ?? "(nothing was said either)"),
    section("rubric", rubric),
    section(
      "output",
      `Change and commit nothing. Your last message is one JSON object and nothing else, no fence and no
prose around it:
{
${form}
}
Every score is a plain number from 0 (worthless) to ${inputs.scaleMax} (nothing to improve), fractions
allowed. Give no total: it is computed from these.`,
    ),
    correctionPart(correction),
  );
}

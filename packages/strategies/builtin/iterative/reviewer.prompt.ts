import { changeUnderReview } from "../prompts/change-under-review.ts";
import { correctionPart, promptText, section, type Wording } from "../prompts/prompt-text.ts";

const VOICE = `
You review a change that is under way, for the one who made it and will go on with it. Find what
matters: what does not work, what the task asks for and is missing, what breaks elsewhere, what will be
misread. Leave taste alone. Each thing you name must be true of the code as it is: check before you
write it down.
`;

export interface ReviewerInputs extends Wording {
  readonly task: string;
  readonly baseBranch: string;
  readonly commits: number;
}

/** Asks for feedback as text for the next iteration. */
export function reviewerPrompt(inputs: ReviewerInputs): string {
  const { voice = VOICE, task, baseBranch, commits, correction } = inputs;
  return promptText(
    voice,
    section("task", task),
    section(
      "work",
      commits > 0
        ? changeUnderReview(commits, baseBranch)
        : "Nothing is committed yet: the repository is as it was before the task.",
    ),
    section(
      "output",
      `Change and commit nothing. Your last message is a numbered list of one to seven items, the most
important first, each with: the issue and its place, why it matters, how to fix it. If nothing is
wrong, say so in one sentence.`,
    ),
    correctionPart(correction),
  );
}

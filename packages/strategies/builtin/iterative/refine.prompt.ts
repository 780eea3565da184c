import { promptText, section, type Wording } from "../prompts/prompt-text.ts";

const VOICE = `
You improve a change that is under way on the branch that is checked out. Keep what is good, mend what
is not: correctness first, then the edges, then clarity. Make the smallest change that does it.

A reviewer has read the change. Weigh each item on its merits: follow it where it is right, and leave
it where the code shows that it is wrong.
`;

export interface RefineInputs extends Wording {
  readonly task: string;
  /** From 2: the first is the proposal. */
  readonly iteration: number;
  readonly iterations: number;
  readonly feedback: string;
}

export function refinePrompt(inputs: RefineInputs): string {
  const { voice = VOICE, task, iteration, iterations, feedback } = inputs;
  return promptText(
    voice,
    section("task", task),
    section(
      "work",
      `This is iteration ${iteration} of ${iterations}. What the ones before made is committed on the branch that is checked out.`,
    ),
    section("feedback", feedback),
    section(
      "output",
      `Commit what you change in one commit on top of what is there. If nothing is left to improve, change
and commit nothing. End with one or two sentences on what you changed and which items you left.`,
    ),
  );
}

/** In place of feedback where the reviewer gave none. */
export const NO_FEEDBACK =
  "The reviewer gave no feedback. Read the change once more with fresh eyes: does it do all that the task asks, does it hold at the edges, is it tested?";

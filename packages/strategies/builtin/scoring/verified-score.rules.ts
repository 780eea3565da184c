import { jsonObjectsIn } from "../answers/json-in-text.rules.ts";
import { rounded } from "./score-answer.rules.ts";

/**
 * What a verification gave, 0 to 1, from its output: the score in its last line, 1 where that line
 * tells none; a text that says what is wrong with a score that is none.
 */
export function verifiedScore(output: string): number | string {
  const lastLine = lastLineOf(output);
  if (!(lastLine.startsWith("{") && lastLine.endsWith("}"))) return 1;
  // Python and others write it so, and JSON has no such value.
  const said = jsonObjectsIn(lastLine.replace(/\b(NaN|-?Infinity)\b/g, '"$1"')).at(-1);
  const score = said?.["score"];
  if (score === undefined) return 1;
  if (typeof score === "number" && score >= 0 && score <= 1) return score;
  return `the verification's score ${JSON.stringify(score)} is not between 0 and 1`;
}

const MAX_LINE = 200;

/** What a command said last, of what is shown. */
export const lastLineOf = (output: string): string =>
  output.trimEnd().split("\n").at(-1)?.trim().slice(-MAX_LINE).toWellFormed() ?? "";

/** All 0 to 1. Without a verification the judge alone decides. */
export function finalScore(
  judged: number,
  verified: number | undefined,
  verifyWeight: number,
): number {
  if (verified === undefined) return judged;
  return rounded((1 - verifyWeight) * judged + verifyWeight * verified);
}

import { jsonObjectsIn } from "../answers/json-in-text.rules.ts";
import { rounded } from "./score-answer.rules.ts";

/**
 * What a verification gave, 0 to 1, from its output: the score in its last line, 1 where that line
 * tells none; a text that says what is wrong with a score that is none.
 */
export function verifiedScore(output: string): number | string {
  const line = lastLine(output);
  if (!(line.startsWith("{") && line.endsWith("}"))) return 1;
  // JSON has no such value, and many write one.
  const [, odd] = /"score"\s*:\s*(NaN|-?Infinity)\b/.exec(line) ?? [];
  const score = odd ?? jsonObjectsIn(line).at(-1)?.["score"];
  if (score === undefined) return 1;
  if (typeof score === "number" && score >= 0 && score <= 1) return score;
  const told = odd ?? JSON.stringify(score).slice(0, MAX_TOLD);
  return `the verification's score ${told} is not between 0 and 1`;
}

const MAX_TOLD = 200;

const lastLine = (output: string): string => output.trimEnd().split("\n").at(-1)?.trim() ?? "";

/** What a command said last, for a person: the end of it. */
export const lastWords = (output: string): string =>
  lastLine(output).slice(-MAX_TOLD).toWellFormed();

/** All 0 to 1. Without a verification the judge alone decides. */
export function finalScore(
  judged: number,
  verified: number | undefined,
  verifyWeight: number,
): number {
  if (verified === undefined) return judged;
  return rounded((1 - verifyWeight) * judged + verifyWeight * verified);
}

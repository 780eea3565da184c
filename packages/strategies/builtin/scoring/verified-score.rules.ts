import { jsonObjectsIn } from "../answers/json-in-text.rules.ts";
import { rounded } from "./score-answer.rules.ts";

/**
 * What a verification gave, 0 to 1, from its output: the score in its last line, 1 where that line
 * tells none.
 */
export function verifiedScore(output: string): number {
  const lastLine = output.trimEnd().split("\n").at(-1)?.trim() ?? "";
  if (!(lastLine.startsWith("{") && lastLine.endsWith("}"))) return 1;
  const score = jsonObjectsIn(lastLine).at(-1)?.["score"];
  if (typeof score !== "number" || !Number.isFinite(score)) return 1;
  return Math.min(1, Math.max(0, score));
}

/** All 0 to 1. Without a verification the judge alone decides. */
export function finalScore(
  judged: number,
  verified: number | undefined,
  verifyWeight: number,
): number {
  if (verified === undefined) return judged;
  return rounded((1 - verifyWeight) * judged + verifyWeight * verified);
}

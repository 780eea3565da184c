export type TieBreaker = "first" | "random";

export interface Selection<C> {
  readonly chosen: C;
  readonly reason: "highest_score" | "highest_score_tie_first" | "highest_score_tie_rand";
  /** How many share the highest score. */
  readonly tied: number;
}

/** Scores closer than this are one. */
const SAME = 1e-9;

/**
 * The candidate with the highest score. Of several with the same one the first, or by lot.
 *
 * @param candidates in their own order, each with a score of 0 to 1
 * @param rand 0 to 1; asked once, and only where there is a tie to break by it
 */
export function selectBest<C extends { readonly score: number }>(
  candidates: readonly C[],
  tieBreaker: TieBreaker,
  rand: () => number,
): Selection<C> | undefined {
  const highest = Math.max(...candidates.map(({ score }) => score));
  const best = candidates.filter(({ score }) => highest - score <= SAME);
  const [first] = best;
  if (first === undefined) return undefined;
  if (best.length === 1) return { chosen: first, reason: "highest_score", tied: 1 };
  if (tieBreaker === "first") {
    return { chosen: first, reason: "highest_score_tie_first", tied: best.length };
  }
  const drawn = best[Math.min(best.length - 1, Math.floor(rand() * best.length))] ?? first;
  return { chosen: drawn, reason: "highest_score_tie_rand", tied: best.length };
}

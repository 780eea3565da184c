import { expect, it } from "vitest";
import { selectBest, type TieBreaker } from "./selection.rules.ts";

const never = (): number => {
  throw new Error("nothing to draw");
};
const select = (scores: readonly number[], tieBreaker: TieBreaker = "first", rand = never) => {
  const candidates = scores.map((score, index) => ({ index, score }));
  const selection = selectBest(candidates, tieBreaker, rand);
  return selection && [selection.chosen.index, selection.reason, selection.tied];
};

it("the highest score wins, and no lot is drawn for it", () => {
  expect(select([0.2, 0.9, 0.3], "random")).toEqual([1, "highest_score", 1]);
  expect(select([0])).toEqual([0, "highest_score", 1]);
});

it("of none there is none", () => {
  expect(select([])).toBeUndefined();
});

it("a tie goes to the first, also when the scores differ by the arithmetic's last digits", () => {
  expect(select([0.1, 0.1 + 0.2, 0.3])).toEqual([1, "highest_score_tie_first", 2]);
});

it.each([
  [0, 0],
  [0.34, 2],
  [0.99, 3],
  [1, 3],
])("a tie by lot: %d draws candidate %d", (drawn, index) => {
  const selection = select([0.5, 0.1, 0.5, 0.5], "random", () => drawn);
  expect(selection).toEqual([index, "highest_score_tie_rand", 3]);
});

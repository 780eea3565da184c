import { expect, it } from "vitest";
import { finalScore, verifiedScore } from "./verified-score.rules.ts";

it.each<[string, number | string]>([
  ["ok 1\nok 2\n", 1],
  ["", 1],
  ['12 passed\n{"score": 0.25}\n', 0.25],
  ['{"score": 0.25}\nall done', 1],
  ['{"score": 0}', 0],
  ['{"score": 7}', "the verification's score 7 is not between 0 and 1"],
  ['{"score": -0.1}', "the verification's score -0.1 is not between 0 and 1"],
  ['{"score": "0.5"}', 'the verification\'s score "0.5" is not between 0 and 1'],
  ['{"score": NaN}', "the verification's score NaN is not between 0 and 1"],
  ['{"score": -Infinity}', "the verification's score -Infinity is not between 0 and 1"],
  ['{"score": 0.2, "note": "NaN found"}', 0.2],
  [`{"failed": "${"x".repeat(500)}", "score": 0.3}`, 0.3],
  ['{"passed": 3}', 1],
])("of the output %j the last line gives %j", (output, score) => {
  expect(verifiedScore(output)).toBe(score);
});

it("judged and verified are weighed; without a verification the judge decides", () => {
  expect(finalScore(0.6, undefined, 0.5)).toBe(0.6);
  expect(finalScore(0.6, 1, 0.5)).toBe(0.8);
  expect(finalScore(0.6, 1, 0)).toBe(0.6);
  expect(finalScore(0.6, 0.1, 1)).toBe(0.1);
});

import { describe, expect, it } from "vitest";
import { parseScore } from "./score-answer.rules.ts";

const weights = { correctness: 0.5, completeness: 0.3, quality: 0.2 };
const parse = (text: string, scaleMax = 10) => parseScore(text, weights, scaleMax);

describe("a score", () => {
  it("is the weighted mean of the sub-scores, whatever total the scorer claims", () => {
    const answer = parse(
      'Fine work.\n```json\n{"score": 10, "correctness": 8, "completeness": 6, "quality": 4, "reasoning": "ok\\nok", "risks": ["a", "b"], "suggestions": []}\n```',
    );
    expect(answer).toEqual({
      ok: true,
      value: {
        aspects: { correctness: 8, completeness: 6, quality: 4 },
        score: 6.6,
        normalised: 0.66,
        feedback: "reasoning: ok ok | risks: a; b",
      },
    });
  });

  it("is the same by weights that do not add up to 1", () => {
    const doubled = { correctness: 5, completeness: 3, quality: 2 };
    const text = '{"correctness": 8, "completeness": 6, "quality": 4}';
    expect(parseScore(text, doubled, 10)).toMatchObject({ value: { score: 6.6 } });
  });

  it("needs no aspect that has no weight", () => {
    const only = { correctness: 1, completeness: 0, quality: 0 };
    expect(parseScore('{"correctness": 70}', only, 100)).toMatchObject({
      value: { aspects: { correctness: 70 }, score: 70, normalised: 0.7 },
    });
  });

  it("is the last one said", () => {
    const first = '{"correctness": 1, "completeness": 1, "quality": 1}';
    const last = '{"correctness": 9, "completeness": 9, "quality": 9}';
    expect(parse(`${first} no: ${last} {"done": true}`)).toMatchObject({ value: { score: 9 } });
  });
});

describe("an answer that is no score", () => {
  it.each([
    ["prose", "I would give it eight.", /no JSON object/],
    ["broken JSON", '{"correctness": 8,, "quality": 1}', /not valid JSON/],
    ["NaN", '{"correctness": NaN, "completeness": 1, "quality": 1}', /NaN and Infinity/],
    [
      "a text",
      '{"correctness": "8", "completeness": 1, "quality": 1}',
      /"correctness" is not a nu/,
    ],
    ["null", '{"correctness": null, "completeness": 1, "quality": 1}', /"correctness" is not a/],
    [
      "too much",
      '{"correctness": 11, "completeness": 1, "quality": 1}',
      /outside the scale of 0 to/,
    ],
    ["too little", '{"correctness": -1, "completeness": 1, "quality": 1}', /outside the scale/],
    ["far too much", '{"correctness": 1e999, "completeness": 1, "quality": 1}', /not a number/],
    ["not all", '{"correctness": 8}', /"completeness" is missing/],
    ["a total alone", '{"score": 8}', /no "correctness"/],
  ])("%s is told so", (_, text, problem) => {
    expect(parse(text)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });
});

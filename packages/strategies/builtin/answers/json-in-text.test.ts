import { describe, expect, it } from "vitest";
import { jsonObjectsIn, objectIn } from "./json-in-text.rules.ts";

describe("JSON in what an agent said", () => {
  it.each<[string, string, unknown[]]>([
    ["alone", '{"a":1}', [{ a: 1 }]],
    ["fenced", 'So:\n```json\n{"a": 1}\n```\nDone.', [{ a: 1 }]],
    ["in prose", 'I say {"a": {"b": [1, {}]}} and no more', [{ a: { b: [1, {}] } }]],
    ["with braces in its strings", '{"a": "} \\" {"}', [{ a: '} " {' }]],
    ["several, in order", '{"a":1} then {"a":2}', [{ a: 1 }, { a: 2 }]],
    ["after a brace that opens nothing", 'use { or {"a":1}', [{ a: 1 }]],
    ["after an odd quote", 'a 5" screen: {"a":1}', [{ a: 1 }]],
    ["inside what is no JSON", '{ not json {"a":1} }', [{ a: 1 }]],
    ["broken", '{"a": 1,}', []],
    ["cut off", '{"a": 1', []],
    ["with NaN", '{"a": NaN}', []],
    ["none", "eight out of ten", []],
    ["an empty answer", "", []],
  ])("%s", (_, text, objects) => {
    expect(jsonObjectsIn(text)).toEqual(objects);
  });

  it("is looked for at the end of a text that is very long", () => {
    expect(jsonObjectsIn(`${"{".repeat(1_000_000)}{"a":1}`.replace("{{{{", "[[["))).toEqual([]);
    expect(jsonObjectsIn(`${"x".repeat(1_000_000)}{"a":1}`)).toEqual([{ a: 1 }]);
  });
});

describe("an answer that is to be an object", () => {
  it("is the last one with a key that is asked for", () => {
    const text = '{"a": 1} {"b": 2} {"c": 3}';
    expect(objectIn(text, ["a", "b"])).toEqual({ ok: true, value: { b: 2 } });
  });

  it.each([
    ["eight of ten", "it holds no JSON object"],
    ['{"a": NaN}', "NaN and Infinity are no numbers in JSON"],
    ['{"a": 1,}', /not valid JSON \(comments, trailing commas/],
    ['{"c": 1}', 'its JSON has no "a"'],
  ])("%j is told without its own words", (text, problem) => {
    const said = typeof problem === "string" ? problem : expect.stringMatching(problem);
    expect(objectIn(text, ["a", "b"])).toEqual({ ok: false, problem: said });
  });
});

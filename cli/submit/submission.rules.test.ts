import { defineStrategy } from "@pitaya/strategies";
import { expect, test } from "vitest";
import { z } from "zod";
import { resolveSettings } from "../settings/resolve.rules.ts";
import { paramsOf } from "./params-of.rules.ts";
import { posixWords } from "./posix-words.rules.ts";
import { choiceOf, chooseStrategy } from "./strategy-choice.rules.ts";
import { givenParams } from "./strategy-params.rules.ts";

test.each([
  ["", []],
  ["  a  b\tc\n", ["a", "b", "c"]],
  ["'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]],
  ["a'b'\"c\"d", ["abcd"]],
  ["''", [""]],
  [`"a\\"b" "c\\d" 'e\\f'`, ['a"b', "c\\d", "e\\f"]],
  ["--allowedTools 'Bash(git log:*)'", ["--allowedTools", "Bash(git log:*)"]],
  ["$HOME `x` *", ["$HOME", "`x`", "*"]],
  ["a\\\nb", ["ab"]],
])("%j splits as a shell splits it", (text, words) => {
  expect(posixWords(text)).toEqual(words);
});

test("a quote that is not closed is an error that shows its place and the text", () => {
  expect(() => posixWords("a 'b c")).toThrow("--cli-args, character 3: a ' is not closed: a 'b c");
  expect(() => posixWords(`'a' "b\\" c`)).toThrow('character 5: a " is not closed');
  expect(() => posixWords("a\\")).toThrow("character 2: a backslash escapes nothing");
});

test("parameters are JSON where they parse as JSON, otherwise text, and the last one holds", () => {
  const given = [
    "n=3",
    "on=true",
    "list=[1,2]",
    "text=be brief",
    "eq=a=b",
    "empty=",
    "n=4",
    'q="3"',
  ];
  const simple = { name: "simple", known: [] };
  const params = [...givenParams(simple, resolveSettings([]), given)];
  expect(Object.fromEntries(params.map(([key, { value }]) => [key, value]))).toEqual({
    ...{ n: 4, on: true, list: [1, 2], text: "be brief", eq: "a=b", empty: "", q: "3" },
  });
  expect(() => givenParams(simple, resolveSettings([]), ["=3"])).toThrow("expected key=value");
});

test("a strategy's parameters are checked where the run is made", () => {
  const settings = resolveSettings([]);
  expect(chooseStrategy(settings, []).spec).toEqual({ name: "simple", params: {} });
  expect(() => chooseStrategy(settings, ["n=3"])).toThrow("-S n: strategy simple has no such");
});

test("what a strategy's schema says of its parameters is told by who gave them", () => {
  const strategy = defineStrategy({
    name: "s",
    params: z
      .object({
        file: z.string(),
        pair: z.object({ a: z.int() }).optional(),
        either: z.union([z.int(), z.literal("all")]).optional(),
        low: z.int().default(5),
      })
      .refine(({ low }) => low < 5, "low is too high"),
    execute: async () => ({ status: "succeeded" as const, tasks: [] }),
  });
  const told = (...flags: string[]) => {
    const given = givenParams(paramsOf(strategy), resolveSettings([]), flags);
    return () => choiceOf(paramsOf(strategy), given);
  };
  expect(told()).toThrow("strategy s needs a file: give -S file=…");
  expect(told("file=x")).toThrow("strategy s: low is too high");
  expect(told("file=x", 'pair={"a":"b"}', "low=1")).toThrow(
    '-S pair: a: expected a whole number, not "b"',
  );
  expect(told("file=x", "either=none", "low=1")).toThrow(
    '-S either: expected a whole number or "all", not "none"',
  );
  expect(told("file=x", "low=1")().values).toEqual({ file: "x", low: 1 });
});

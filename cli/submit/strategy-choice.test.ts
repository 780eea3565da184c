import { findStrategy, strategyNames } from "@pitaya/strategies";
import { describe, expect, test } from "vitest";
import { resolveSettings } from "../settings/resolve.rules.ts";
import { paramsOf } from "./params-of.rules.ts";
import { choiceOf } from "./strategy-choice.rules.ts";
import { givenParams } from "./strategy-params.rules.ts";

const choose = (name: string, ...flags: readonly string[]) => {
  const strategy = paramsOf(findStrategy(name));
  return choiceOf(strategy, givenParams(strategy, resolveSettings([]), flags));
};

function said(name: string, ...flags: readonly string[]): string | undefined {
  try {
    choose(name, ...flags);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

test.each([
  ["scoring", "score_scale_max=7", "expected 10 or 100, not 7"],
  ["scoring", "weight_quality=-1", "expected a number from 0 to 1000, not -1"],
  ["scoring", "fail_below_score=-1", "expected a number of at least 0, not -1"],
  ["scoring", "fail_below_score=11", "expected a number from 0 to 10, the score_scale_max, not 11"],
  ["scoring", "max_turns=1.5", "expected a whole number above 0, not 1.5"],
  ["scoring", "read_only_scoring=perhaps", 'expected true or false, not "perhaps"'],
  ["scoring", "scorer_model=", 'expected some text of at most 200 characters, not ""'],
  [
    "scoring",
    'verify={"timeout_s":0}',
    /expected some text or \{command: .*not \{"timeout_s":0\}$/,
  ],
  [
    "scoring",
    'verify={"command":"x","fils":["a"]}',
    /^expected .*\}: there is no fils; did you mean files\?$/,
  ],
  ["best-of-n", "n=51", "expected a whole number from 1 to 50, not 51"],
  ["best-of-n", "tie_breaker=last", 'expected "first" or "random", not "last"'],
  ["best-of-n", "require_min_success=6", "expected at most the number of candidates, n=5, not 6"],
  ["best-of-n", "diversity_hints={}", /expected a list, each a text of at most 4000 .*, not \{\}$/],
  ["pr-review", "fail_on=HIGH,UGLY", 'item 2: expected "HIGH", "MEDIUM" or "LOW", not "UGLY"'],
  ["bug-finding", "report_path=../x", /expected a path inside the repository, .*, not "\.\.\/x"$/],
  ["best-of-n", "models=[", "this is no JSON: Unexpected end, at character 2"],
  ["best-of-n", "models=[haiku]", "this is no JSON: Unexpected token 'h', at character 2"],
  ["best-of-n", 'models=["a" "b"]', /^this is no JSON: Expected .*, at character 6$/],
  [
    "best-of-n",
    "models=[1]]",
    "this is no JSON: Unexpected non-whitespace character, at character 4",
  ],
  ["scoring", 'verify={"command":"x"', /^this is no JSON: Expected .*, at character 15$/],
  ["simple", "key_prefix=a b", 'expected letters, digits and . _ / -, not "a b"'],
])("%s says of -S %s what it takes and what it was given", (name, flag, wrong) => {
  const [key = ""] = flag.split("=");
  const message = said(name, flag) ?? "";
  expect(message.startsWith(`-S ${key}: `)).toBe(true);
  const rest = message.slice(`-S ${key}: `.length);
  expect(rest).toEqual(typeof wrong === "string" ? wrong : expect.stringMatching(wrong));
});

test("a shell's command in brackets is no broken JSON, nor is a text that only begins like it", () => {
  for (const flag of ['verify=[ "$x" = y ] && test', "verify={ make; }", "scorer_prompt=[draft"]) {
    expect(said("scoring", flag)).toBeUndefined();
  }
});

test("weights that are all 0 are told of once, with what they are", () => {
  const zero = ["correctness", "completeness", "quality"].map((aspect) => `weight_${aspect}=0`);
  expect(said("scoring", ...zero)).toBe(
    "-S weight_correctness: every weight of the score is 0; expected one of weight_correctness, weight_completeness, weight_quality above 0",
  );
});

describe.each(strategyNames)("every parameter of %s", (name) => {
  const needed = name === "doc-review" ? ["pages_file=pages.yml"] : [];
  const { known } = paramsOf(findStrategy(name));
  test.each(known)("%s is told of in words of one form", (key) => {
    // Each parameter takes at most some of these.
    for (const value of ["", "-1", "1.5", "1e9", "null", "{}", "[{}]"]) {
      const message = said(name, ...needed, `${key}=${value}`);
      if (message === undefined) continue;
      expect(message).toMatch(new RegExp(`^-S ${key}: (?:item 1: )?expected .+, not .+$`));
      expect(message).not.toMatch(/[<>]=|pattern|undefined|something else/);
    }
    expect(["{}", "null", ""].some((value) => said(name, ...needed, `${key}=${value}`))).toBe(
      !TAKES_ANY_TEXT.has(key),
    );
  });
});

/** Whatever is written is a text. */
const TAKES_ANY_TEXT: ReadonlySet<string> = new Set([
  ...["target_area", "bug_focus"],
  ...["review_instructions", "validator_instructions", "composer_instructions"],
]);

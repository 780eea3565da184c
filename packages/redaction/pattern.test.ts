import { describe, expect, it } from "vitest";
import { PatternError, parsePattern } from "./pattern.ts";

describe("a pattern", () => {
  it.each([
    ["a(?=b)", "only a class can be looked ahead at"],
    ["(?<!a)b", "look-behind"],
    ["(a)\\1", "a back reference"],
    ["^a", "an anchor"],
    ["a$", "an anchor"],
    ["a*", "matches nothing"],
    ["a?|b", "matches nothing"],
    ["a*\\Kb", "its context may be nothing"],
    ["a**", "two quantifiers"],
    ["*a", "nothing to repeat"],
    ["a{2,1}", "counts that run backwards"],
    ["a{1,9999}", "too many"],
    ["(?:a{1000}){1000}", "too large"],
    ["[z-a]", "a range that runs backwards"],
    ["[ab", "a class without end"],
    ["(ab", "a group without end"],
    ["ab)", "a group without beginning"],
    ["[ö]", "a class beyond ASCII"],
    ["\\xg0", "no hex"],
    ["\\", "no escape"],
    ["\\p{L}", "a Unicode class"],
    ["a\\bb", "a word edge in the middle"],
    ["", "nothing at all"],
  ])("%s is refused: %s", (source) => {
    expect(() => parsePattern(source)).toThrow(PatternError);
  });

  it.each(["ö+", "\\x41\\.\\[\\-", "[]a]", "[a-]", "(?:a|b){3}", "a{2,}", "\\ba\\b", "a(?![b])"])(
    "%s is read",
    (source) => {
      expect(parsePattern(source).secret).toBeDefined();
    },
  );
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coveringFilter, matchesAny, matchesFilter } from "./subject-filter.rules.ts";

const token = fc.constantFrom("a", "b", "c");
const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((t) => t.join("."));
const filter = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? [">"] : [])].join("."));

describe("filters", () => {
  it.each([
    ["a.b", "a.b", true],
    ["a.b", "a.c", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["a.*", "a.b.c", false],
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    [">", "a", true],
    ["*.b.>", "a.b.c", true],
  ])("%s and %s: %s", (given, wanted, matches) => {
    expect(matchesFilter(given, wanted)).toBe(matches);
  });

  it("let a subject through that they are made from", () => {
    fc.assert(
      fc.property(subject, fc.array(fc.boolean()), (given, wild) => {
        const made = given.split(".").map((t, i) => (wild[i] === true ? "*" : t));
        expect(matchesFilter(made.join("."), given)).toBe(true);
      }),
    );
  });

  it("are covered by one that lets through at least as much", () => {
    fc.assert(
      fc.property(fc.array(filter, { minLength: 1, maxLength: 4 }), subject, (filters, given) => {
        if (matchesAny(filters, given)) {
          expect(matchesFilter(coveringFilter(filters), given)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("are covered by themselves where there is one, and by their run where they are its", () => {
    fc.assert(
      fc.property(filter, (one) => {
        expect(coveringFilter([one])).toBe(one);
        expect(coveringFilter([one, one])).toBe(one);
      }),
    );
    expect(coveringFilter(["e.r1.decision", "e.r1.fact.*.*.*", "e.r1.client.*"])).toBe("e.r1.>");
    expect(coveringFilter([])).toBe(">");
  });
});

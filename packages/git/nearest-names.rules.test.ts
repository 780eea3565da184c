import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearestNames } from "./nearest-names.rules.ts";

describe("nearestNames", () => {
  const names = ["main", "develop", "feature/login", "origin/fix-typo", "v1.0", "v1.1"];

  it("finds slips, parts of names, and a remote's branch without the remote", () => {
    expect(nearestNames("mian", names)).toEqual(["main"]);
    expect(nearestNames("MAIN", names)).toEqual(["main"]);
    expect(nearestNames("login", names)).toEqual(["feature/login"]);
    expect(nearestNames("fix-typo", names)).toEqual(["origin/fix-typo"]);
    expect(nearestNames("v1.2", names)).toEqual(["v1.0", "v1.1"]);
  });

  it("finds nothing far off", () => {
    expect(nearestNames("completely-different", names)).toEqual([]);
    expect(nearestNames("", names)).toEqual([]);
  });
});

describe("editDistance", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 8 });

  it("is a distance", () => {
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});

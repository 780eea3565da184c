import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ExistingBranch, placeBranch } from "./import.rules.ts";

const commit = fc.constantFrom("c1", "c2", "c3");
const existing = fc
  .array(
    fc.tuple(
      fc.constantFrom("x", "x_2", "x_3", "x_4", "x_02", "x_1", "x_y", "xx"),
      fc.record({ commit, usedAt: fc.constantFrom("/tree") }, { requiredKeys: ["commit"] }),
    ),
    { maxLength: 8, size: "max" },
  )
  .map((entries) => new Map<string, ExistingBranch>(entries));
const conflict = fc.constantFrom("fail" as const, "overwrite" as const, "suffix" as const);
const request = fc.record({ branch: fc.constant("x"), commit, conflict, existing });

describe("placeBranch", () => {
  it("never loses a commit unless told to overwrite, and never one that is checked out", () => {
    fc.assert(
      fc.property(request, (given) => {
        const placement = placeBranch(given);
        if (placement.do === "create") expect(given.existing.has(placement.branch)).toBe(false);
        if (placement.do === "move") {
          expect(given.conflict).toBe("overwrite");
          expect(given.existing.get(placement.branch)).toEqual({ commit: placement.from });
        }
      }),
    );
  });

  it("has nothing to do once it was done", () => {
    fc.assert(
      fc.property(request, (given) => {
        const first = placeBranch(given);
        if (first.do === "refuse") return;
        const after = new Map(given.existing).set(first.branch, { commit: given.commit });
        expect(placeBranch({ ...given, existing: after })).toEqual({
          do: "nothing",
          branch: first.branch,
        });
      }),
    );
  });

  it("refuses only where the policy says so", () => {
    fc.assert(
      fc.property(request, (given) => {
        const present = given.existing.get("x");
        const isTaken = present !== undefined && present.commit !== given.commit;
        const expected =
          isTaken &&
          (given.conflict === "fail" ||
            (given.conflict === "overwrite" && present.usedAt !== undefined));
        expect(placeBranch(given).do === "refuse").toBe(expected);
      }),
    );
  });
});

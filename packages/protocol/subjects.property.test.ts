import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ALL_EVENTS, runEvents, subjects } from "./index.ts";
import type { SubjectFamily } from "./subject.ts";

const families = Object.entries(subjects) as unknown as readonly (readonly [
  string,
  SubjectFamily,
])[];

const namesIn = (family: SubjectFamily) =>
  family.pattern.split(".").flatMap((token) => (token.startsWith(":") ? [token.slice(1)] : []));

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

/** Parameters for every placeholder of a family. */
const paramsOf = (family: SubjectFamily) =>
  fc.record(Object.fromEntries(namesIn(family).map((name) => [name, token])));

/** What NATS routes by, white space, and nothing at all. */
const noToken = fc.oneof(
  fc.constant(""),
  fc
    .tuple(
      fc.string(),
      fc.constantFrom(".", "*", ">", " ", "\t", "\r\n", "\0", "é", "/"),
      fc.string(),
    )
    .map((parts) => parts.join("")),
  token.map((text) => text.padEnd(65, "x")),
);

describe.each(families)("the subjects of %s", (_, family) => {
  it("say what they were made of", () => {
    fc.assert(
      fc.property(paramsOf(family), (params) => {
        expect(family.parse(family.of(params))).toEqual(params);
      }),
    );
  });

  it("have as many tokens as the pattern, whatever the parameters", () => {
    fc.assert(
      fc.property(paramsOf(family), (params) => {
        expect(family.of(params).split(".")).toHaveLength(family.pattern.split(".").length);
      }),
    );
  });

  it("are never made of what routes, or is empty", () => {
    fc.assert(
      fc.property(
        paramsOf(family),
        fc.constantFrom(...namesIn(family)),
        noToken,
        (params, name, bad) => {
          expect(() => family.of({ ...params, [name]: bad })).toThrow();
          expect(() => family.filter({ ...params, [name]: bad })).toThrow();
        },
      ),
    );
  });

  it("are let through by a filter with some of their parameters", () => {
    fc.assert(
      fc.property(paramsOf(family), fc.subarray(namesIn(family)), (params, kept) => {
        const some = Object.fromEntries(kept.map((name) => [name, params[name]]));
        const filter = family.filter(some).split(".");
        const subject = family.of(params).split(".");
        expect(filter).toHaveLength(subject.length);
        filter.forEach((each, i) => {
          expect([subject[i], "*"]).toContain(each);
        });
        expect(filter.filter((each) => each === "*")).toHaveLength(
          namesIn(family).length - kept.length,
        );
      }),
    );
  });

  it("belong to no other family", () => {
    fc.assert(
      fc.property(paramsOf(family), (params) => {
        const subject = family.of(params);
        const owners = families.filter(([, each]) => each.parse(subject) !== undefined);
        expect(owners.map(([, each]) => each)).toEqual([family]);
      }),
    );
  });

  it("are not found in other texts", () => {
    fc.assert(
      fc.property(paramsOf(family), token, (params, more) => {
        const subject = family.of(params);
        expect(family.parse(`${subject}.${more}`)).toBeUndefined();
        expect(family.parse(`${more}.${subject}`)).toBeUndefined();
        expect(family.parse(subject.slice(0, subject.lastIndexOf(".") + 1))).toBeUndefined();
      }),
    );
  });
});

describe("the filters of a run", () => {
  it("cover its events and lie under those of all runs", () => {
    fc.assert(
      fc.property(token, (run) => {
        const prefix = ALL_EVENTS.slice(0, -1);
        for (const filter of runEvents(run)) {
          expect(filter.startsWith(`${prefix}${run}.`)).toBe(true);
        }
      }),
    );
  });
});

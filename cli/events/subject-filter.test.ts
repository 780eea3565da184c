import { expect, test } from "vitest";
import { subjectFilter } from "./subject-filter.rules.ts";

test("a pattern goes on from the run, or from where the runs' ids stand", () => {
  const run = "run_20260102_000000_aaaaaaaa";
  const subject = `pitaya.v1.evt.${run}.fact.r.i.1`;
  expect(subjectFilter(undefined, run)(subject)).toBe(true);
  expect(subjectFilter("fact.>", run)(subject)).toBe(true);
  expect(subjectFilter("*.fact.>", undefined)(subject)).toBe(true);
  expect(subjectFilter("pitaya.v1.evt.*.decision", undefined)(subject)).toBe(false);
  expect(subjectFilter("fact.*", run)(subject)).toBe(false);
  for (const bad of ["", "fact.", "fact.>.x"]) {
    expect(() => subjectFilter(bad, run)).toThrow("is not a pattern");
  }
});

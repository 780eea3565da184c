import { expect, it } from "vitest";
import { checkOutcome } from "./outcome-check.ts";

const outcome = { status: "succeeded", tasks: ["a"] };

it("takes an outcome as it is, with nothing for what is left out", () => {
  const whole = {
    ...outcome,
    chosen: "a",
    metadata: { score: 1 },
    files: { "a/b.md": "x", "a/summary.json": "{}" },
  };
  expect(checkOutcome(whole)).toEqual({ outcome: whole });
  expect(checkOutcome({ ...outcome, chosen: undefined })).toEqual({ outcome });
});

it("takes ten thousand tasks", () => {
  const tasks = Array.from({ length: 10_000 }, (_, n) => `task/${n}`);
  const whole = { status: "succeeded", tasks, metadata: { a: "x".repeat(10_000) } };
  expect(checkOutcome(whole)).toEqual({ outcome: whole });
});

it("cuts a reason that is too long", () => {
  const checked = checkOutcome({ ...outcome, status: "failed", reason: "x".repeat(3_000) });
  expect(checked).toMatchObject({ outcome: { reason: "x".repeat(2_000) } });
});

const RESERVED = /the file Summary\.json has a name of Pitaya's own: summary\.json, .*instances/;

it.each<[string, unknown, RegExp]>([
  ["nothing at all", undefined, /object/],
  ["another status", { ...outcome, status: "ok" }, /status/],
  ["tasks that are no keys", { ...outcome, tasks: [1] }, /tasks/],
  ["metadata that is no JSON", { ...outcome, metadata: { a: () => 1 } }, /metadata/],
  ["too much metadata", { ...outcome, metadata: { a: "x".repeat(70_000) } }, /64 KiB/],
  ["a file outside the results", { ...outcome, files: { "../a": "" } }, /no path for a file/],
  ["a hidden file", { ...outcome, files: { "a/.b": "" } }, /no path for a file/],
  ["our summary", { ...outcome, files: { "a.md": "", "Summary.json": "" } }, RESERVED],
  ["our list of branches", { ...outcome, files: { "branches.txt": "" } }, /file branches\.txt has/],
  ["our metrics", { ...outcome, files: { "metrics.csv": "" } }, /the file metrics\.csv has/],
  [
    "our instances",
    { ...outcome, files: { "instances/a/b.json": "" } },
    /instances\/a\/b\.json has/,
  ],
  ["our output", { ...outcome, files: { strategy_output: "" } }, /the file strategy_output has/],
  [
    "a file twice",
    { ...outcome, files: { "a.md": "", "A.md": "" } },
    /a\.md and A\.md cannot both/,
  ],
  ["a file in a file", { ...outcome, files: { "a/b": "", a: "" } }, /a\/b and a cannot both/],
  ["a file that is too large", { ...outcome, files: { a: "x".repeat(2 ** 20 + 1) } }, /1 MiB/],
  [
    "more than one message holds",
    {
      ...outcome,
      tasks: Array.from({ length: 9_000 }, (_, n) => `t${n}`),
      metadata: { a: "x".repeat(60_000) },
    },
    /no room/,
  ],
])("says what is wrong with %s", (_, given, wrong) => {
  expect(checkOutcome(given)).toMatchObject({ wrong: expect.stringMatching(wrong) });
});

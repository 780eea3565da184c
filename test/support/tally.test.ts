import { describe, expect, it } from "vitest";
import { add, type FinishedFile, isSuccess, nothing, summaryLine, tallyFiles } from "./tally.ts";

function file(states: Record<string, "passed" | "failed" | "skipped" | "pending">): FinishedFile {
  const tests = Object.entries(states).map(([fullName, state]) => ({ fullName, state }));
  return { failed: tests.some((test) => test.state === "failed"), tests };
}

describe("tallyFiles", () => {
  it("counts what passed and what failed over all files", () => {
    const files = [file({ a: "passed", b: "passed" }), file({ c: "failed", d: "passed" })];
    expect(tallyFiles(files, 0, undefined)).toEqual({ passed: 3, failed: 1 });
  });

  it("counts a test that was skipped, is to do or never ended as failed", () => {
    const files = [file({ a: "passed", b: "skipped", c: "pending" })];
    expect(tallyFiles(files, 0, undefined)).toEqual({ passed: 1, failed: 2 });
  });

  it("counts a file that did not load as one failure", () => {
    const files = [file({ a: "passed" }), { failed: true, tests: [] }];
    expect(tallyFiles(files, 0, undefined)).toEqual({ passed: 1, failed: 1 });
  });

  it("counts a file whose tests all passed but whose clean-up failed as one failure", () => {
    const tests = [{ fullName: "a", state: "passed" as const }];
    expect(tallyFiles([{ failed: true, tests }], 0, undefined)).toEqual({ passed: 1, failed: 1 });
  });

  it("counts errors outside any test", () => {
    expect(tallyFiles([file({ a: "passed" })], 2, undefined)).toEqual({ passed: 1, failed: 2 });
  });

  it("leaves out what a person did not ask for by name, and nothing else", () => {
    const files = [file({ "lease renews": "passed", "lease ends": "skipped", other: "skipped" })];
    expect(tallyFiles(files, 0, /lease/)).toEqual({ passed: 1, failed: 1 });
  });
});

describe("the summary", () => {
  it("is a success only when something passed and nothing failed", () => {
    expect(isSuccess({ passed: 2, failed: 0 })).toBe(true);
    expect(isSuccess({ passed: 2, failed: 1 })).toBe(false);
    expect(isSuccess(nothing)).toBe(false);
  });

  it("adds up and says so in one line", () => {
    const sum = add({ passed: 1, failed: 0 }, { passed: 40, failed: 2 });
    expect(summaryLine(sum)).toBe("41 passed, 2 failed");
  });
});

import { describe, expect, it } from "vitest";
import { parseParams } from "../../parse-params.ts";
import { type Answer, runStrategy, type ScriptedTask, type TestRun } from "../../testing/index.ts";
import { bugFinding } from "./bug-finding.ts";

const REPORT = `Title: it is lost
Severity: high
Root cause: a.ts:3
Reproduction: run it
Files: a.ts`;
const COMMITTED = `# It is lost
Severity: high
Root cause: a.ts:4
Reproduction: run poc.ts, it prints 2
Proposed fix: count from 0
`;
const CONFIRMED: Answer = { files: { "BUG_REPORT.md": COMMITTED } };
const FIXED: Answer = { files: { "a.ts": "fixed" } };
const FAILED: Answer = { error: "agent_failed", text: "exit 1" };

/** Answers by step, one an attempt; the last of a step stands for those after it. */
const run = (
  params: NonNullable<TestRun["params"]>,
  answers: Readonly<Record<"discovery" | "validation" | "fix", readonly Answer[]>>,
) =>
  runStrategy(bugFinding, {
    params,
    crash: "after-every-step",
    script({ key }: ScriptedTask) {
      const [, step, number = "1"] = /^(\w+)(?:\/attempt-(\d+))?$/.exec(key) ?? [];
      const mine = answers[step as keyof typeof answers];
      return mine[Number(number) - 1] ?? mine.at(-1) ?? {};
    },
  });
const whole = { discovery: [{ message: REPORT }], validation: [CONFIRMED], fix: [FIXED] };

describe("bug-finding", () => {
  it("searches the whole repository, confirms on its own, and fixes on a branch of its own", async () => {
    const tested = await run({}, whole);
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: ["discovery/attempt-1", "validation/attempt-1", "fix"],
      metadata: {
        bug_confirmed: true,
        bug_report_branch: tested.task("validation/attempt-1").branch,
        fix_branch: tested.task("fix").branch,
      },
      files: { "reports/BUG_REPORT.md": COMMITTED },
    });
    expect(tested.task("discovery/attempt-1").task).toMatchObject({
      ...{ baseBranch: "main", readOnly: true, importPolicy: "never" },
      prompt: expect.stringContaining("<area>\nThe whole repository.\n</area>"),
    });
    expect(tested.task("validation/attempt-1").task).toMatchObject({
      baseBranch: "main",
      prompt: expect.stringContaining(REPORT),
    });
    expect(tested.task("fix").task).toMatchObject({
      baseBranch: "main",
      prompt: expect.stringContaining("# It is lost"),
    });
  });

  it("looks where and for what it is told, by models of its own", async () => {
    const params = {
      ...{ target_area: "src/", bug_focus: "races", report_path: "docs/BUG.md" },
      ...{ validator_model: "opus", read_only_discovery: false, propose_fix: false },
    };
    const validation = [{ files: { "docs/BUG.md": COMMITTED } }];
    const tested = await run(params, { ...whole, validation });
    expect(tested.task("discovery/attempt-1").task).not.toHaveProperty("readOnly");
    expect(tested.task("discovery/attempt-1").task).toMatchObject({
      prompt: expect.stringMatching(/<area>\nsrc\/\n[\s\S]*<focus>\nraces\n/),
    });
    expect(tested.task("validation/attempt-1").task).toMatchObject({ model: "opus" });
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      metadata: { bug_confirmed: true, fix_branch: null },
      files: { "reports/docs/BUG.md": COMMITTED },
    });
    expect(tested.tasks).toHaveLength(2);
  });

  it.each(["docs/", ".", "docs/."])("refuses the directory %s for its report", (path) => {
    expect(() => parseParams(bugFinding, { report_path: path })).toThrow(
      `expected a file, not the directory ${path}`,
    );
  });

  it("fails where the bug is not confirmed, with the reason", async () => {
    const validation = [{ message: "I tried.\nNOT CONFIRMED: it prints 2" }];
    const tested = await run({}, { ...whole, validation });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: "the bug is not confirmed: it prints 2",
      tasks: ["discovery/attempt-1", "validation/attempt-1"],
      metadata: { bug_confirmed: false, bug_report_branch: null },
    });
    expect(tested.tasks).toHaveLength(2);
  });

  it("asks again for a report that is none, with what it lacks", async () => {
    const short = REPORT.replace(/Reproduction.*\n/, "");
    const discovery = [{ message: "ok" }, { message: short }, { message: REPORT }];
    const tested = await run({ discovery_max_retries: 2 }, { ...whole, discovery });
    const asked = (n: number) => tested.task(`discovery/attempt-${n}`).task;
    expect(asked(2)).toMatchObject({
      prompt: expect.stringMatching(/<correction>[\s\S]*nothing under "Title:", "Severity:", /),
    });
    expect(asked(3)).toMatchObject({
      prompt: expect.stringContaining('the report says nothing under "Reproduction:"'),
    });
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: ["discovery/attempt-3", "validation/attempt-1", "fix"],
    });
  });

  it("takes a validator's report and reproduction in several commits", async () => {
    const files = { "BUG_REPORT.md": COMMITTED, "poc.ts": "x" };
    const tested = await run({}, { ...whole, validation: [{ files, commits: 2 }] });
    expect(tested.outcome.status).toBe("succeeded");
    expect(tested.task("validation/attempt-1").task).toMatchObject({
      prompt: expect.not.stringMatching(/one\s+commit/),
    });
  });

  it("asks a validator that forgot its report again", async () => {
    const forgot = { files: { "poc.ts": "x" } };
    const tested = await run({}, { ...whole, validation: [forgot, CONFIRMED] });
    expect(tested.task("validation/attempt-2").task).toMatchObject({
      prompt: expect.stringContaining("there is no file BUG_REPORT.md"),
    });
    expect(tested.outcome.status).toBe("succeeded");
  });

  it.each<[string, Answer, RegExp]>([
    ["commits nothing", { message: "Confirmed!" }, /nothing was committed/],
    ["commits no whole report", { files: { "BUG_REPORT.md": "Confirmed." } }, /"Root cause:"/],
    ["commits an empty report", { files: { "BUG_REPORT.md": " \n" } }, /is empty/],
    ["breaks down", FAILED, /exit 1/],
  ])("fails where the validator %s every time", async (_, validation, reason) => {
    const tested = await run({}, { ...whole, validation: [validation] });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(reason),
      metadata: { bug_confirmed: false },
    });
    expect(tested.tasks).toHaveLength(3);
  });

  it.each<[string, Answer, RegExp]>([
    ["nothing is found", { message: "**NO BUG FOUND**\nLooked at a.ts" }, /^no bug was found$/],
    ["no report is given", { message: "ok" }, /^no bug was reported: .* "Title:", "Severity:"/],
    ["nothing is said", {}, /^no bug was reported: it was empty/],
    ["the search breaks down", FAILED, /^no bug was reported: .*exit 1/],
  ])("fails where %s", async (_, discovery, reason) => {
    const tested = await run({}, { ...whole, discovery: [discovery] });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(reason),
    });
    expect(tested.tasks.some(({ key }) => key.startsWith("validation"))).toBe(false);
  });

  it.each<[string, Answer, RegExp]>([
    ["fails", FAILED, /^the bug is confirmed, and not fixed: .*exit 1/],
    ["changes nothing", {}, /^the bug is confirmed, and not fixed: nothing was committed/],
  ])("keeps the report where the fix %s, and fails", async (_, fix, reason) => {
    const tested = await run({}, { ...whole, fix: [fix] });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(reason),
      metadata: { bug_confirmed: true, fix_branch: null },
      files: { "reports/BUG_REPORT.md": COMMITTED },
    });
  });
});

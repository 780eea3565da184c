import { describe, expect, it } from "vitest";
import { type Answer, runStrategy, type ScriptedTask, type TestRun } from "../../testing/index.ts";
import { parseFindings, type Severity } from "./findings.rules.ts";
import { prReview } from "./pr-review.ts";

const finding = (severity: Severity, title = "Off by one") => ({
  ...{ severity, path: "a.ts", start: 3, end: 5, title },
  description: "The last item is lost.",
});
const findings = (...list: readonly object[]) => JSON.stringify({ findings: list });
const idOf = (one: object) => {
  const read = parseFindings(findings(one));
  return read.ok ? read.value[0]?.uid : undefined;
};

type Parts = Partial<Record<"review" | "validate" | "compose", (task: ScriptedTask) => Answer>>;

const run = (
  params: NonNullable<TestRun["params"]>,
  parts: Parts = {},
  more: Partial<TestRun> = {},
) =>
  runStrategy(prReview, {
    params,
    crash: "after-every-step",
    branches: { release: {}, other: {} },
    script(task) {
      const [, step] = /\/?(review|validate|compose)\//.exec(task.key) ?? [];
      if (step === "review") return parts.review?.(task) ?? { message: "No findings." };
      if (step === "validate") return parts.validate?.(task) ?? { message: findings() };
      return parts.compose?.(task) ?? { message: "?" };
    },
    ...more,
  });
const indexOf = (files: Readonly<Record<string, string>> | undefined) =>
  JSON.parse(files?.["review/index.json"] ?? "null");
const validates = (...list: readonly object[]) => ({
  validate: () => ({ message: findings(...list) }),
});

describe("pr-review", () => {
  it("passes where nothing was found, and asks for no composition", async () => {
    const tested = await run({});
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: [1, 2, 3].map((n) => `r/${n}/validate/attempt-1`),
      metadata: {
        pr_review_verdict: "PASS",
        pr_review_should_fail: false,
        pr_review_counts: { HIGH: 0, MEDIUM: 0, LOW: 0 },
        event: "APPROVE",
      },
    });
    expect(tested.tasks).toHaveLength(6);
    expect(indexOf(tested.outcome.files)).toMatchObject({
      verdict: "PASS",
      event: "APPROVE",
      selected_ids: [],
      review: { event: "APPROVE", body: "No findings.", comments: [] },
    });
  });

  it("fails on a HIGH finding, which is shown whatever the composer selects", async () => {
    const high = finding("HIGH");
    const compose = () => ({ message: '{"intro": "Thank you!", "selected_ids": []}' });
    const tested = await run({}, { ...validates(high, finding("LOW", "name")), compose });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: "changes are needed: 1 HIGH, 0 MEDIUM, 1 LOW",
      tasks: ["compose/attempt-1", ...[1, 2, 3].map((n) => `r/${n}/validate/attempt-1`)],
      metadata: {
        ...{ pr_review_verdict: "NEEDS_CHANGES", pr_review_should_fail: true },
        ...{ event: "REQUEST_CHANGES", invalid_composer: false, selected_ids: [idOf(high)] },
      },
    });
    expect(indexOf(tested.outcome.files)).toMatchObject({
      intro: "Thank you!",
      counts: { HIGH: 1, MEDIUM: 0, LOW: 1 },
      selected_details: [{ uid: idOf(high), severity: "HIGH", path: "a.ts", start: 3, end: 5 }],
      review: { event: "REQUEST_CHANGES", comments: [{ path: "a.ts", line: 5 }] },
    });
  });

  it("computes the verdict itself, by the severities that fail", async () => {
    const claims = JSON.stringify({ verdict: "PASS", findings: [finding("MEDIUM")] });
    const validate = () => ({ message: claims });
    const compose = () => ({ message: "no JSON" });
    const passed = await run({}, { validate, compose });
    expect(passed.outcome).toMatchObject({
      status: "succeeded",
      metadata: { pr_review_verdict: "PASS", event: "COMMENT", invalid_composer: true },
    });
    expect(passed.task("compose/attempt-2").task).toMatchObject({
      prompt: expect.stringContaining("it holds no JSON object"),
    });
    expect(indexOf(passed.outcome.files).selected_ids).toHaveLength(1);
    const failed = await run({ fail_on: ["high", "MEDIUM"] }, { validate });
    expect(failed.outcome.status).toBe("failed");
  });

  it("compares with the branch it is told, which every workspace has beside the included", async () => {
    const params = { base_branch: "release", include_branches: ["other"], reviewers: 1 };
    const tested = await run(params, validates(finding("LOW")));
    for (const { task } of tested.tasks) {
      expect(task).toMatchObject({
        ...{ baseBranch: "main", readOnly: true, importPolicy: "never" },
        includeBranches: ["other", "release"],
      });
    }
    const first = await run({ include_branches: ["other"], reviewers: 1 });
    for (const [tested_, branch] of [
      [tested, "release"],
      [first, "other"],
    ] as const) {
      expect(tested_.task("r/1/review/attempt-1").task).toMatchObject({
        prompt: expect.stringContaining(`git diff ${branch}...HEAD`),
      });
    }
    const none = await run({ reviewers: 1 });
    expect(none.task("r/1/review/attempt-1").task).toMatchObject({
      prompt: expect.stringContaining("those of the last commit"),
    });
  });

  it("hands instructions to their step, from a file where it has any", async () => {
    const params = {
      ...{ reviewers: 1, review_instructions: "Mind SQL.", composer_instructions: "Be kind." },
      ...{ review_instructions_path: "blank.md", validator_instructions_path: "validate.md" },
    };
    const files = { "blank.md": " \n", "validate.md": "Mind tests." };
    const tested = await run(params, validates(finding("LOW")), { files });
    const told = Object.fromEntries(
      tested.tasks.map(({ key, task }) => [
        key,
        /<instructions>\n(.*)\n/.exec("prompt" in task ? task.prompt : "")?.[1],
      ]),
    );
    expect(told).toMatchObject({
      "r/1/review/attempt-1": "Mind SQL.",
      "r/1/validate/attempt-1": "Mind tests.",
      "compose/attempt-1": "Be kind.",
    });
  });

  it("asks a validator whose answer is no data again", async () => {
    const validate = ({ key }: ScriptedTask): Answer => ({
      message: key.endsWith("attempt-1") ? '{"findings": [{}]}' : findings(),
    });
    const tested = await run({ reviewers: 1 }, { validate });
    expect(tested.task("r/1/validate/attempt-2").task).toMatchObject({
      prompt: expect.stringMatching(/<correction>[\s\S]*finding 1\.severity must be one of/),
    });
    expect(tested.outcome.status).toBe("succeeded");
  });
});

it("a branch that would be compared with itself is refused before the run is submitted", async () => {
  const check = (baseBranch: string) =>
    prReview.check?.({
      ...{ params: prReview.params.parse({ base_branch: "main" }), baseBranch, files: {} },
      missingPaths: async () => [],
    });
  expect(await check("feature")).toEqual([]);
  expect(await check("main")).toEqual([
    { param: "base_branch", message: expect.stringMatching(/^main is what is to be reviewed/) },
  ]);
});

describe("reviews that cannot be used", () => {
  const oneFails = {
    review: ({ key }: ScriptedTask): Answer =>
      key.startsWith("r/2/") ? { error: "agent_failed", text: "exit 1" } : { message: "None." },
  };

  it("do not let a pull request pass", async () => {
    const tested = await run({}, oneFails);
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(/^1 of 3 reviews could not be used: r\/2\/review\/attempt-1: /),
      metadata: { pr_review_verdict: "INCOMPLETE", event: "COMMENT", unusable_reviews: 1 },
    });
  });

  it("are forgiven where the policy is never to fail, but not all of them", async () => {
    const forgiven = await run({ ci_fail_policy: "never" }, oneFails);
    expect(forgiven.outcome.status).toBe("succeeded");
    const all = await run(
      { ci_fail_policy: "never", reviewer_max_retries: 1 },
      { review: () => ({ message: "" }) },
    );
    expect(all.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(
        /^no review could be used: r\/1\/review\/attempt-2: it was empt/,
      ),
      tasks: [],
    });
    expect(all.outcome).not.toHaveProperty("files");
  });
});

it("the policy decides whether a verdict fails the run", async () => {
  const high = validates(finding("HIGH"));
  const never = await run({ ci_fail_policy: "never" }, high);
  expect(never.outcome).toMatchObject({
    status: "succeeded",
    metadata: { pr_review_verdict: "NEEDS_CHANGES", event: "REQUEST_CHANGES" },
  });
  const always = await run({ ci_fail_policy: "always" });
  expect(always.outcome).toMatchObject({
    status: "failed",
    reason: expect.stringMatching(/ci_fail_policy is always/),
    metadata: { pr_review_verdict: "PASS", event: "APPROVE" },
  });
});

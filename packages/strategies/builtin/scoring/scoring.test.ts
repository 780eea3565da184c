import { describe, expect, it } from "vitest";
import { parseParams } from "../../parse-params.ts";
import { type Answer, runStrategy, type ScriptedTask, type TestRun } from "../../testing/index.ts";
import { bestOfN } from "../best-of-n/best-of-n.ts";
import { scoring } from "./scoring.ts";

const scores = (correctness: number, completeness = correctness, quality = correctness) =>
  JSON.stringify({ correctness, completeness, quality, reasoning: "seen" });
const WORK: Answer = { files: { "a.txt": "a" }, message: "done" };

/** One run; what its scorers say, in order, and how the verification ends. */
const run = (
  params: NonNullable<TestRun["params"]>,
  answers: {
    readonly gen?: Answer;
    readonly score?: readonly (string | Answer)[];
    readonly verify?: Answer;
  },
) =>
  runStrategy(scoring, {
    params,
    crash: "after-every-step",
    files: { "hidden.test.ts": "assert" },
    script({ key }: ScriptedTask) {
      if (key === "gen") return answers.gen ?? WORK;
      if (key === "verify") return answers.verify ?? {};
      const said = answers.score?.[Number(key.split("-").at(-1)) - 1] ?? "no more answers";
      return typeof said === "string" ? { message: said } : said;
    },
  });

describe("scoring", () => {
  it("generates with the prompt as given, and scores without leaving anything", async () => {
    const tested = await run({ scorer_model: "haiku", max_turns: 7 }, { score: [scores(8, 6, 4)] });
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: ["gen"],
      metadata: {
        score: 6.6,
        score_scale_max: 10,
        normalised_score: 0.66,
        sub_scores: { correctness: 8, completeness: 6, quality: 4 },
        feedback: "reasoning: seen",
        scorer_success: true,
        scorer_attempts: 1,
        scorer_model: "haiku",
        weights: { correctness: 0.5, completeness: 0.3, quality: 0.2 },
      },
    });
    expect(tested.task("gen").task).toEqual({ prompt: "do it", baseBranch: "main" });
    expect(tested.task("score/attempt-1").task).toMatchObject({
      baseBranch: tested.task("gen").branch,
      includeBranches: ["main"],
      readOnly: true,
      importPolicy: "never",
      model: "haiku",
      maxTurns: 7,
    });
  });

  it("asks again with what was wrong: prose, then broken JSON, then NaN, then valid", async () => {
    const nan = '{"correctness": NaN, "completeness": 1, "quality": 1}';
    const score = ["Eight of ten.", '{"correctness": 8', nan, scores(8)];
    const tested = await run({ scorer_max_retries: 3 }, { score });
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      metadata: { score: 8, scorer_attempts: 4 },
    });
    const prompts = tested.tasks.slice(1).map(({ task }) => ("prompt" in task ? task.prompt : ""));
    expect(prompts.map((prompt) => prompt.includes("<correction>"))).toEqual([
      false,
      ...[true, true, true],
    ]);
    expect(prompts[1]).toContain("it holds no JSON object");
    expect(prompts[3]).toContain("NaN and Infinity are no numbers in JSON");
  });

  it("does not take a score outside the scale", async () => {
    const tested = await run({}, { score: [scores(11), scores(7)] });
    expect(tested.outcome.metadata).toMatchObject({ score: 7, scorer_attempts: 2 });
    const hundred = await run({ score_scale_max: 100 }, { score: [scores(11)] });
    expect(hundred.outcome.metadata).toMatchObject({ score: 11, normalised_score: 0.11 });
  });

  it("goes on after a scorer that broke down, without a correction", async () => {
    const tested = await run({}, { score: [{ error: "agent_failed" }, scores(7)] });
    expect(tested.outcome).toMatchObject({ status: "succeeded", metadata: { scorer_attempts: 2 } });
    const { task } = tested.task("score/attempt-2");
    expect("prompt" in task && task.prompt).not.toContain("<correction>");
  });

  it("fails, with the branch kept, where no answer is a score", async () => {
    const tested = await run({}, { score: ["a", "b", "c", scores(9)] });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: "no valid score in 3 attempts: it holds no JSON object",
      tasks: ["gen"],
      metadata: { score: null, scorer_success: false, failed_stage: "score" },
    });
    expect(tested.outcome.metadata).toMatchObject({ branch: tested.task("gen").branch });
  });

  it("does not ask again where the same would come of it", async () => {
    const tested = await run({}, { score: [{ error: "invalid_model" }, scores(9)] });
    expect(tested.outcome).toMatchObject({ status: "failed", metadata: { scorer_attempts: 1 } });
  });

  it("fails as its generator failed, and scores nothing", async () => {
    const tested = await run({}, { gen: { error: "agent_failed", text: "exit 1" } });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringContaining("exit 1"),
      metadata: { failed_stage: "generate" },
    });
    expect(tested.tasks).toHaveLength(1);
  });

  it("judges what was said where nothing was committed", async () => {
    const tested = await run({}, { gen: { message: "It is so already." }, score: [scores(5)] });
    const { task } = tested.task("score/attempt-1");
    expect("prompt" in task && task.prompt).toContain("<answer>\nIt is so already.\n</answer>");
    expect(tested.outcome.metadata).toMatchObject({ score: 5 });
  });

  it("fails below the least score, on the scale", async () => {
    const below = await run({ fail_below_score: 7 }, { score: [scores(6.9)] });
    expect(below.outcome).toMatchObject({
      status: "failed",
      reason: "the score 6.9 is below 7",
      metadata: { score: 6.9, failed_stage: "threshold" },
    });
    const at = await run({ fail_below_score: 7 }, { score: [scores(7)] });
    expect(at.outcome.status).toBe("succeeded");
  });

  it("another voice of the scorer still gives a parsed score", async () => {
    const params = { scorer_prompt: "evaluate correctness", model: "opus" };
    const tested = await run(params, { score: [`So: ${scores(7)}!`] });
    const { task } = tested.task("score/attempt-1");
    expect("prompt" in task && task.prompt).toMatch(/^evaluate correctness\n\n<task>\ndo it/);
    expect(tested.outcome.metadata).toMatchObject({ score: 7 });
  });

  it("may let the scorer write", async () => {
    const tested = await run({ read_only_scoring: false }, { score: [scores(7)] });
    expect(tested.task("score/attempt-1").task).not.toHaveProperty("readOnly");
    expect(tested.task("score/attempt-1").task).not.toHaveProperty("importPolicy");
  });
});

describe("a verification", () => {
  const verify = {
    command: "npm test",
    files: ["hidden.test.ts"],
    image: "node:24",
    timeout_s: 1.5,
    network: "offline",
  };

  it("runs on the candidate's branch, with files that no agent saw", async () => {
    const tested = await run({ verify }, { score: [scores(6)] });
    expect(tested.task("verify").task).toEqual({
      verify: { command: "npm test", files: ["hidden.test.ts"] },
      baseBranch: tested.task("gen").branch,
      image: "node:24",
      networkEgress: "offline",
      timeoutMs: 1500,
    });
    expect(tested.outcome.metadata).toMatchObject({ score: 8, judged: 6, verified: 1 });
  });

  it("may be a command alone, and enters the score with its weight", async () => {
    const stdout = 'ok\n{"score": 0.5}\n';
    const params = { verify: "npm test", verify_weight: 0.25 };
    const tested = await run(params, { score: [scores(9)], verify: { stdout } });
    expect(tested.outcome.metadata).toMatchObject({ score: 8, verified: 0.5 });
  });

  it.each<[Answer, RegExp]>([
    [{ exitCode: 1 }, /^the verification ended with 1$/],
    [{ exitCode: 124, timedOut: true }, /ran out of time/],
    [{ error: "image_missing", text: "no image" }, /could not be run: .*no image/],
  ])("that ends with %j makes it fail, and nobody is asked for a score", async (end, reason) => {
    const tested = await run({ verify: "npm test" }, { score: [scores(10)], verify: end });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(reason),
      metadata: { failed_stage: "verify" },
    });
    expect(tested.tasks.map(({ key }) => key)).toEqual(["gen", "verify"]);
  });
});

it.each([
  [{ weight_correctness: 0, weight_completeness: 0, weight_quality: 0 }, /every weight .* is 0/],
  [{ fail_below_score: 50 }, /from 0 to 10, the score_scale_max, not 50/],
  [{ score_scale_max: 50 }, /score_scale_max/],
  [{ weight_quality: -1 }, /weight_quality/],
  [{ verify: { comand: "npm test" } }, /verify/],
  [{ scorer_promt: "x" }, /scorer_promt/],
])("parameters that make no sense are refused before anything starts: %j", (params, message) => {
  for (const strategy of [scoring, bestOfN]) {
    expect(() => parseParams(strategy, params)).toThrow(message);
  }
});

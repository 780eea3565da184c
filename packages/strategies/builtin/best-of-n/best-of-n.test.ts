import { describe, expect, it } from "vitest";
import { parseParams } from "../../parse-params.ts";
import { type Answer, runStrategy, type ScriptedTask, type TestRun } from "../../testing/index.ts";
import { bestOfN } from "./best-of-n.ts";

const scores = (score: number) =>
  JSON.stringify({ correctness: score, completeness: score, quality: score });

interface Scripted {
  readonly gen?: Answer;
  readonly score?: number | string;
  readonly verify?: Answer;
}

const run = (params: NonNullable<TestRun["params"]>, candidates: readonly Scripted[]) =>
  runStrategy(bestOfN, {
    params: { n: candidates.length, ...params },
    crash: "after-every-step",
    plugins: ["command", "codex"],
    script({ key }: ScriptedTask) {
      const [, number, step] = /^cand(\d+)\/([a-z]+)/.exec(key) ?? [];
      const { gen, score = 5, verify } = candidates[Number(number) - 1] ?? {};
      if (step === "gen") return gen ?? { files: { "a.txt": key } };
      if (step === "verify") return verify ?? {};
      return { message: typeof score === "number" ? scores(score) : score };
    },
  });

const FAILED: Answer = { error: "agent_failed", text: "exit 1" };

describe("best-of-n", () => {
  it("chooses the candidate with the highest score, and counts every viable one", async () => {
    const tested = await run({}, [{ score: 5 }, { score: 9 }, { gen: FAILED }]);
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: ["cand1/gen", "cand2/gen"],
      chosen: "cand2/gen",
      metadata: {
        score: 9,
        selected: true,
        selection_reason: "highest_score",
        total_candidates: 3,
        successful_candidates: 2,
        bestofn_index: 2,
        bestofn_total: 3,
        candidates: [
          { index: 1, score: 5 },
          { index: 2, score: 9 },
          { index: 3, score: null, failed_stage: "generate" },
        ],
      },
    });
  });

  it("has five candidates where nothing is said, and scores each as soon as it is done", async () => {
    const slow: Answer = { files: { "a.txt": "slow" }, afterMs: 60_000 };
    const tested = await runStrategy(bestOfN, {
      script: ({ key }) =>
        key === "cand1/gen"
          ? slow
          : key.endsWith("gen")
            ? { files: { "a.txt": key } }
            : { message: scores(5) },
    });
    const keys = tested.tasks.map(({ key }) => key);
    expect(keys.filter((key) => key.endsWith("gen"))).toHaveLength(5);
    expect(keys.at(-1)).toBe("cand1/score/attempt-1");
    expect(tested.elapsedMs).toBe(61_000);
  });

  it("fails where every candidate fails, and says why each did", async () => {
    const tested = await run({}, [{ gen: FAILED }, { score: "no idea" }]);
    expect(tested.outcome).toMatchObject({ status: "failed", tasks: [] });
    expect(tested.outcome.reason).toMatch(
      /^0 of 2 candidates are viable, 1 required: candidate 1: /,
    );
    expect(tested.outcome.reason).toMatch(/exit 1; candidate 2: no valid score in 3 attempts/);
    expect(tested.outcome).not.toHaveProperty("chosen");
  });

  it("fails where fewer are viable than required, and keeps those there are", async () => {
    const two = [{ score: 5 }, { score: 6 }, { gen: FAILED }];
    const tested = await run({ require_min_success: 3 }, two);
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(/^2 of 3 candidates are viable, 3 required: candidate 3: /),
      tasks: ["cand1/gen", "cand2/gen"],
    });
    expect((await run({ require_min_success: 2 }, two)).outcome.status).toBe("succeeded");
  });

  it("gives a tie to the first, whoever was done first", async () => {
    const late: Answer = { files: { "a.txt": "1" }, afterMs: 60_000 };
    const tested = await run({}, [{ score: 3 }, { score: 8, gen: late }, { score: 8 }]);
    expect(tested.outcome).toMatchObject({
      chosen: "cand2/gen",
      metadata: { selection_reason: "highest_score_tie_first", tied_candidates: 2 },
    });
    expect(tested.calls).not.toContain("rand");
  });

  it("breaks a tie by lot where it is told to, always the same way", async () => {
    const tied = Array.from({ length: 8 }, () => ({ score: 8 }));
    const params = { tie_breaker: "random" };
    const chosen = new Set<string | undefined>();
    for (let execution = 1; execution <= 8; execution += 1) {
      const script = ({ key }: ScriptedTask) =>
        key.endsWith("gen") ? { files: { "a.txt": key } } : { message: scores(8) };
      const once = { params: { n: tied.length, ...params }, script, execution };
      const tested = await runStrategy(bestOfN, once);
      expect(tested.outcome.metadata).toMatchObject({
        selection_reason: "highest_score_tie_rand",
        tied_candidates: 8,
      });
      const again = await runStrategy(bestOfN, { ...once, crash: "after-every-step" });
      expect(again.outcome).toEqual(tested.outcome);
      chosen.add(tested.outcome.chosen);
    }
    expect(chosen.size).toBeGreaterThan(1);
  });

  it("a candidate that breaks the tests loses, whatever a scorer would say of it", async () => {
    const tested = await run({ verify: "npm test" }, [
      { score: 10, verify: { exitCode: 1 } },
      { score: 1 },
    ]);
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      chosen: "cand2/gen",
      metadata: { candidates: [{ failed_stage: "verify" }, { judged: 1, score: 5.5 }] },
    });
  });

  it("fails where no candidate is good enough", async () => {
    const tested = await run({ fail_below_score: 6 }, [{ score: 5 }, { score: 5.9 }]);
    expect(tested.outcome).toMatchObject({ status: "failed", tasks: [] });
  });
});

it("tells of fifty candidates within the bounds of an outcome, whatever is said of them", async () => {
  const said = JSON.stringify({
    ...{ correctness: 5, completeness: 5, quality: 5 },
    reasoning: '\u0000"\u6f22'.repeat(5_000),
  });
  const tested = await run(
    { n: 50, key_prefix: "p".repeat(60), diversity_hints: Array(50).fill("\u6f22".repeat(4_000)) },
    Array.from({ length: 50 }, () => ({ score: said })),
  );
  expect(tested.error).toBeUndefined();
  expect(tested.outcome.metadata).toMatchObject({ successful_candidates: 50 });
});

it("that more are required than there are is refused before anything starts", () => {
  const params = { n: 2, require_min_success: 3 };
  expect(() => parseParams(bestOfN, params)).toThrow(/require_min_success/);
});

describe("candidates", () => {
  const genOf = async (params: NonNullable<TestRun["params"]>, n: number) => {
    const tested = await run(
      params,
      Array.from({ length: n }, () => ({})),
    );
    return tested.tasks.flatMap(({ key, task }) => (key.endsWith("gen") ? [task] : []));
  };

  it("take plugins and models in turn", async () => {
    const params = { plugins: ["claude-code", "command"], models: ["opus", "haiku", "sonnet"] };
    expect(await genOf(params, 4)).toMatchObject([
      { plugin: "claude-code", model: "opus" },
      { plugin: "command", model: "haiku" },
      { plugin: "claude-code", model: "sonnet" },
      { plugin: "command", model: "opus" },
    ]);
  });

  it("get the hint of their place, and the prompt as given without one", async () => {
    const [first, second, third] = await genOf({ diversity_hints: ["Use a map.", " "] }, 3);
    expect(first).toMatchObject({
      prompt: "<task>\ndo it\n</task>\n\n<hint>\nUse a map.\n</hint>",
    });
    for (const task of [second, third]) expect(task).toMatchObject({ prompt: "do it" });
  });

  it("of a plugin of their own are scored by the run's", async () => {
    const tested = await run({ plugins: ["command"], models: ["tiny"] }, [{}]);
    const { task } = tested.task("cand1/score/attempt-1");
    expect(task).not.toHaveProperty("plugin");
    expect(task).not.toHaveProperty("model");
  });

  it("are told of with the model they had", async () => {
    const tested = await run({ model: "haiku", models: ["tiny"] }, [{}]);
    const other = await run({ model: "haiku" }, [{}]);
    const told = { scorer_model: "haiku", candidates: [{ model: "tiny" }] };
    expect(tested.outcome.metadata).toMatchObject(told);
    expect(other.outcome.metadata).toMatchObject({ ...told, candidates: [{ model: "haiku" }] });
  });
});

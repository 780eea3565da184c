import { expect, it } from "vitest";
import { type Answer, runStrategy, type ScriptedTask, type TestRun } from "../../testing/index.ts";
import { iterative } from "./iterative.ts";

const run = (
  params: NonNullable<TestRun["params"]>,
  turns: readonly Answer[],
  review: (key: string) => Answer = (key) => ({ message: `1. mind ${key}` }),
) =>
  runStrategy(iterative, {
    params,
    crash: "after-every-step",
    script({ key }: ScriptedTask) {
      const [, number] = /^iter\/(\d+)$/.exec(key) ?? [];
      return number === undefined ? review(key) : (turns[Number(number) - 1] ?? {});
    },
  });
const commit = (text: string): Answer => ({ files: { "a.txt": text } });
const FAILED: Answer = { error: "agent_failed", text: "exit 1" };

it("proposes, reviews and refines, each on the branch before", async () => {
  const tested = await run({ reviewer_model: "opus", max_turns: 5, refine_model: "haiku" }, [
    commit("1"),
    commit("2"),
    commit("3"),
  ]);
  expect(tested.tasks.map(({ key }) => key)).toEqual([
    ...["iter/1", "review/1/attempt-1", "iter/2", "review/2/attempt-1", "iter/3"],
  ]);
  expect(tested.task("iter/1").task).toEqual({ prompt: "do it", baseBranch: "main" });
  expect(tested.task("review/1/attempt-1").task).toMatchObject({
    ...{ baseBranch: tested.task("iter/1").branch, readOnly: true, importPolicy: "never" },
    ...{ model: "opus", maxTurns: 5, includeBranches: ["main"] },
    prompt: expect.stringContaining("the last commit on the branch"),
  });
  expect(tested.task("iter/2").task).toMatchObject({
    baseBranch: tested.task("iter/1").branch,
    model: "haiku",
    prompt: expect.stringMatching(
      /<task>\ndo it\n[\s\S]*iteration 2 of 3[\s\S]*1\. mind review\/1/,
    ),
  });
  expect(tested.task("review/2/attempt-1").task).toMatchObject({
    prompt: expect.stringContaining("the last 2 commits"),
  });
  expect(tested.task("iter/3").task).toMatchObject({ baseBranch: tested.task("iter/2").branch });
  expect(tested.outcome).toMatchObject({
    status: "succeeded",
    tasks: ["iter/3"],
    metadata: { iterations_completed: 3, iterative_early_stop: null },
  });
});

it("stops where nothing changed, and keeps the branch with the work", async () => {
  const tested = await run({}, [commit("1"), {}, commit("3")]);
  expect(tested.outcome).toMatchObject({
    status: "succeeded",
    tasks: ["iter/1"],
    metadata: {
      iterations_completed: 2,
      iterative_early_stop: "no_changes",
      branch: tested.task("iter/1").branch,
    },
  });
});

it("goes on from the branch with the work where it is not to stop", async () => {
  const tested = await run({ stop_on_no_changes: false }, [commit("1"), {}, {}]);
  expect(tested.task("iter/3").task).toMatchObject({ baseBranch: tested.task("iter/1").branch });
  expect(tested.outcome).toMatchObject({
    tasks: ["iter/1"],
    metadata: { iterations_completed: 3, branch: tested.task("iter/1").branch },
  });
});

it("returns the branch with the work where a later iteration fails", async () => {
  const tested = await run({}, [commit("1"), FAILED]);
  expect(tested.outcome).toMatchObject({
    status: "succeeded",
    tasks: ["iter/1"],
    metadata: { iterative_early_stop: expect.stringMatching(/^iteration 2 failed: .*exit 1/) },
  });
});

it("fails where the first one fails", async () => {
  const tested = await run({}, [FAILED]);
  expect(tested.outcome).toMatchObject({
    status: "failed",
    reason: expect.stringMatching(/^iteration 1 failed: .*exit 1/),
    tasks: ["iter/1"],
  });
});

it("asks a reviewer that says nothing again, and goes on without", async () => {
  const tested = await run({ iterations: 2 }, [commit("1"), commit("2")], () => ({ message: " " }));
  expect(tested.task("review/1/attempt-2").task).toMatchObject({
    prompt: expect.stringContaining("<correction>"),
  });
  expect(tested.task("iter/2").task).toMatchObject({
    prompt: expect.stringContaining("<feedback>\nThe reviewer gave no feedback."),
  });
  expect(tested.outcome.status).toBe("succeeded");
});

it("one iteration is not reviewed", async () => {
  const tested = await run({ iterations: 1 }, [commit("1")]);
  expect(tested.tasks).toHaveLength(1);
});

it("nothing to do is no failure", async () => {
  const tested = await run({}, [{ message: "It is done already." }]);
  expect(tested.outcome).toMatchObject({
    status: "succeeded",
    tasks: ["iter/1"],
    metadata: { iterative_early_stop: "no_changes", branch: null },
  });
});

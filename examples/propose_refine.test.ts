import { runStrategy, type TestRun } from "@pitaya/strategies/testing";
import { expect, it } from "vitest";
import proposeRefine from "./propose_refine.ts";

const run: TestRun = {
  params: { refine_hint: "Clearer names" },
  repository: { "a.txt": "base" },
  script: ({ key, readFile }) => ({ files: { "a.txt": `${readFile("a.txt")} ${key}` } }),
};

it("refines what was proposed, on its branch", async () => {
  const { outcome, task } = await runStrategy(proposeRefine, run);
  expect(outcome).toEqual({
    status: "succeeded",
    tasks: ["propose", "refine"],
    chosen: "refine",
  });
  expect(task("refine").task).toMatchObject({
    prompt: "Clearer names\n\nThe task was: do it",
    baseBranch: task("propose").branch,
  });
});

it("comes out the same when the coordinator crashes after every step", async () => {
  const crashed = await runStrategy(proposeRefine, { ...run, crash: "after-every-step" });
  expect(crashed).toEqual({ ...(await runStrategy(proposeRefine, run)), task: crashed.task });
});

import { expect, test } from "vitest";
import { agentEndOf } from "./agent-end.rules.ts";

/** As docker/wrapper/run.sh says it. */
const WORDS = "pitaya: the runner left before the agent could be started";
const failure = { code: "agent_failed", message: "it exited with 125", retryable: false } as const;
const end = (exitCode: number, lastOutput: string) =>
  agentEndOf(
    {
      ...{ atMs: 1, lastOutput, result: { failure } },
      exit: { kind: "agent", exitCode, oomKilled: false },
    },
    (text) => text,
  );

test("an agent that was never started is its runner's failure, and may be tried again", () => {
  expect(end(125, `${WORDS}\n`).failure).toMatchObject({ code: "runner_lost", retryable: true });
});

test("one that failed in the same way by itself is not", () => {
  expect(end(125, "docker: no such image\n").failure).toMatchObject(failure);
  expect(end(1, `${WORDS}\n`).failure).toMatchObject(failure);
});

test("what a person can do about a failure is told beside what the CLI says", () => {
  const refused = {
    code: "credentials_refused",
    message: "Invalid key",
    retryable: false,
  } as const;
  const { failure } = agentEndOf(
    {
      ...{ atMs: 1, lastOutput: "", result: { failure: refused } },
      exit: { kind: "agent", exitCode: 1, oomKilled: false },
    },
    (text) => text,
  );
  expect(failure).toMatchObject({ ...refused, hint: expect.stringContaining("--api-key") });
});

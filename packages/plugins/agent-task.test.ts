import { DEFAULT_LIMITS, TaskSpec } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { agentTaskOf, taskProblems } from "./agent-task.ts";
import { RESUME_PROMPT } from "./resume-prompt.ts";

const agent = { plugin: "claude-code", image: "image", cliArgs: [], credentials: ["A_KEY"] };
const task = (changes: object = {}) =>
  TaskSpec.parse({
    prompt: { inline: "do it" },
    base: { branch: "main", commit: "a".repeat(40), bundles: [bundle] },
    agent,
    limits: DEFAULT_LIMITS,
    network: "online",
    readOnly: false,
    forceCommit: false,
    commitInstruction: "Commit.",
    author: { name: "A", email: "a@example.org" },
    importPolicy: "auto",
    ...changes,
  });
const blob = { writer: "u1", sha256: "b".repeat(64), bytes: 1, parts: 1, parents: [] };
const bundle = { blob, tip: "a".repeat(40), shallow: [] };
const texts = { prompt: "do it" };
const from = { sessionId: "s1", session: blob };

describe("what an agent is asked", () => {
  it("is the task's prompt, also to go on with another task's conversation", () => {
    expect(agentTaskOf(task({ session: {} }), texts)).toEqual({
      prompt: "do it",
      cliArgs: [],
      instruction: "Commit.",
    });
    const asked = agentTaskOf(task({ session: { from } }), texts);
    expect(asked).toMatchObject({ prompt: "do it", resumeSessionId: "s1" });
  });

  it("is to go on, where its own conversation was interrupted", () => {
    const asked = agentTaskOf(task({ session: { from } }), texts, "s2");
    expect(asked).toMatchObject({ prompt: RESUME_PROMPT, resumeSessionId: "s2" });
  });

  it("is nothing about commits where it may only look", () => {
    expect(agentTaskOf(task({ readOnly: true }), texts)).not.toHaveProperty("instruction");
  });
});

describe("a task that an agent cannot do", () => {
  const command = { ...agent, plugin: "command", cliArgs: ["agent", "{prompt}"] };
  it.each([
    [{ agent: command, maxTurns: 3 }, {}, "command: maxTurns cannot be passed on to a program"],
    [{ agent: command }, { systemPrompt: "x" }, "command: systemPrompt cannot be passed on"],
    [{ agent: command }, { outputSchema: "{}" }, "command: outputSchema cannot be passed on"],
    [
      { agent: command, session: {} },
      {},
      "command: sessionGroup and resumeSession: it cannot go on",
    ],
    [
      { network: "offline" },
      {},
      "claude-code: networkEgress: offline leaves it without its provider",
    ],
    [
      { network: "offline", agent: { ...command, baseUrl: "http://llm.example" } },
      {},
      "command: networkEgress: offline leaves it without its provider",
    ],
    [{ env: { A_KEY: "x" } }, {}, "claude-code: env: A_KEY is set for this plugin already"],
    [{ env: { DISABLE_AUTOUPDATER: "0" } }, {}, "claude-code: env: DISABLE_AUTOUPDATER is set"],
  ])("is told by plugin and field: %j", (changes, more, problem) => {
    const parsed = {
      ...task({ ...changes, env: undefined }),
      ...("env" in changes ? { env: changes.env } : {}),
    };
    const [told = "", ...others] = taskProblems(parsed as TaskSpec, { ...texts, ...more });
    expect(told.slice(0, problem.length)).toBe(problem);
    expect(others).toEqual([]);
  });

  it("is not one that it can", () => {
    const fine = task({ session: { from }, maxTurns: 3, env: { CI: "1" } });
    const all = { ...texts, systemPrompt: "x", appendSystemPrompt: "y", outputSchema: "{}" };
    expect(taskProblems(fine, all)).toEqual([]);
    const program = task({ agent: command, env: { CI: "1" }, network: "offline" });
    expect(taskProblems(program, texts)).toEqual([]);
  });
});

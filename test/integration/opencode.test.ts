import { COMMIT_INSTRUCTION, opencode } from "@pitaya/plugins";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AgentBench, agentBench } from "./plugin-faults/agent-bench.ts";

/*
 * The real OpenCode in a hardened container: that it does what the task asks, that all of the task
 * reaches the model, and that another container goes on with its conversation.
 */

const KEY = "sk-ant-not-a-real-key-4711";
const MINUTES = 60_000;

let bench: AgentBench;
beforeAll(async () => {
  bench = await agentBench({ ANTHROPIC_API_KEY: KEY });
});
afterAll(() => bench.close());

const urlOf = (scenario: Parameters<AgentBench["model"]["url"]>[0], key: string) =>
  bench.model.url(scenario, key, "host.docker.internal");

it("does its work, and goes on in another container", { timeout: 5 * MINUTES }, async () => {
  const done = await bench.attempt({
    key: "opencode-first",
    plugin: opencode,
    baseUrl: urlOf("ok", "opencode-first"),
    agent: { model: "anthropic/claude-sonnet-4-5" },
    task: {
      prompt: { inline: "--help me: add a greeting" },
      commitInstruction: COMMIT_INSTRUCTION,
      systemPrompt: { inline: 'You "build".\n{env:ANTHROPIC_API_KEY} {file:README.md}' },
      appendSystemPrompt: { inline: 'Say "hello"\n€.' },
      session: {},
    },
  });
  if (done.type === "attempt.failed") throw new Error(JSON.stringify(done, null, 2));
  expect(done).toMatchObject({
    finalMessage: { inline: "Done: created hello.txt and committed it." },
    work: { commits: 1 },
    account: {
      usage: { inputTokens: 24, outputTokens: 110, cacheReadTokens: 19_500 },
      costUsd: expect.closeTo(0.013347, 6),
      turns: 2,
    },
  });
  const requests = bench.model.requests("opencode-first");
  expect(requests).toHaveLength(2);
  expect(requests[0]).toMatchObject({
    prompt: "--help me: add a greeting",
    credential: { header: "x-api-key", value: KEY },
  });
  // Nothing is put in for what looks like the CLI's own variables.
  expect(requests[0]?.system).toContain('You "build".\n{env:ANTHROPIC_API_KEY} {file:README.md}');
  expect(requests[0]?.system).toContain(`Say "hello"\n€.\n\n${COMMIT_INSTRUCTION}`);

  // Too long for a command line.
  const question = `How was it? ${"é".repeat(100 * 1024)}`;
  const next = await bench.attempt({
    key: "opencode-next",
    plugin: opencode,
    baseUrl: urlOf("talks", "opencode-next"),
    agent: { model: "anthropic/claude-sonnet-4-5" },
    task: {
      prompt: { inline: question },
      session: { ...(done.session && { from: done.session }) },
    },
  });
  if (next.type === "attempt.failed") throw new Error(JSON.stringify(next, null, 2));
  expect(next.account).toMatchObject({
    sessionId: done.account.sessionId,
    usage: { inputTokens: 12, outputTokens: 55 },
    turns: 1,
  });
  const [goneOn] = bench.model.requests("opencode-next");
  expect(goneOn?.prompt).toBe(question);
  expect(JSON.stringify(goneOn?.body)).toContain("--help me: add a greeting");
});

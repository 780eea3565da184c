import { COMMIT_INSTRUCTION, gemini } from "@pitaya/plugins";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AgentBench, agentBench } from "./plugin-faults/agent-bench.ts";

/*
 * The real Gemini CLI in a hardened container: that it does what the task asks, that all of the task
 * reaches the model, and that another container goes on with its conversation.
 */

const KEY = "not-a-real-key-4711";
const MINUTES = 60_000;

let bench: AgentBench;
beforeAll(async () => {
  bench = await agentBench({ GEMINI_API_KEY: KEY });
});
afterAll(() => bench.close());

const urlOf = (scenario: Parameters<AgentBench["model"]["url"]>[0], key: string) =>
  bench.model.url(scenario, key, "host.docker.internal");

it("does its work, and goes on in another container", { timeout: 5 * MINUTES }, async () => {
  const done = await bench.attempt({
    key: "gemini-first",
    plugin: gemini,
    baseUrl: urlOf("ok", "gemini-first"),
    agent: { model: "gemini-2.5-flash" },
    task: {
      prompt: { inline: "--help me: add a greeting" },
      commitInstruction: COMMIT_INSTRUCTION,
      systemPrompt: { inline: 'Say "hello"\n€.' },
      session: {},
    },
  });
  if (done.type === "attempt.failed") throw new Error(JSON.stringify(done, null, 2));
  expect(done).toMatchObject({
    finalMessage: { inline: "Done: created hello.txt and committed it." },
    work: { commits: 1 },
    account: {
      usage: { inputTokens: 13_000, outputTokens: 110, cacheReadTokens: 9_000 },
      costUsd: expect.closeTo(0.004445, 6),
      turns: 2,
    },
  });
  const requests = bench.model.requests("gemini-first");
  expect(requests).toHaveLength(2);
  expect(requests[0]).toMatchObject({
    prompt: `--help me: add a greeting\n\n${COMMIT_INSTRUCTION}`,
    credential: { header: "x-goog-api-key", value: KEY },
  });
  expect(requests[0]?.system).toContain('Say "hello"\n€.');

  const question = "How was it?";
  const next = await bench.attempt({
    key: "gemini-next",
    plugin: gemini,
    baseUrl: urlOf("talks", "gemini-next"),
    agent: { model: "gemini-2.5-flash" },
    task: {
      prompt: { inline: question },
      session: { ...(done.session && { from: done.session }) },
    },
  });
  if (next.type === "attempt.failed") throw new Error(JSON.stringify(next, null, 2));
  expect(next.account).toMatchObject({
    sessionId: done.account.sessionId,
    usage: { inputTokens: 11_000, outputTokens: 55 },
    turns: 1,
  });
  const [goneOn] = bench.model.requests("gemini-next");
  expect(goneOn?.prompt).toBe(question);
  expect(JSON.stringify(goneOn?.body)).toContain("--help me: add a greeting");
});

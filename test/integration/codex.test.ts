import { COMMIT_INSTRUCTION, codex } from "@pitaya/plugins";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ModelServer } from "../support/model-server/model-server.ts";
import { type AgentBench, agentBench, type Ended } from "./plugin-faults/agent-bench.ts";

/*
 * The real Codex CLI in a hardened container: that it does what the task asks, that all of the task
 * reaches the model, and that another container goes on with its conversation.
 */

const KEY = "sk-not-a-real-key";
const MINUTES = 60_000;

let bench: AgentBench;
let model: ModelServer;
beforeAll(async () => {
  bench = await agentBench({ OPENAI_API_KEY: KEY });
  model = bench.model;
});
afterAll(() => bench.close());

type Attempt = Partial<Parameters<AgentBench["attempt"]>[0]>;

async function attempt(key: string, scenario: Parameters<ModelServer["url"]>[0], more: Attempt) {
  const baseUrl = `${model.url(scenario, key, "host.docker.internal")}/v1`;
  const end = await bench.attempt({
    ...{ key, plugin: codex, baseUrl },
    ...more,
    agent: { provider: "openai" },
  });
  return { end, requests: model.requests(key) };
}

function succeeded(end: Ended) {
  if (end.type === "attempt.succeeded") return end;
  throw new Error(JSON.stringify(end, null, 2));
}

it("does its work, and goes on in another container", { timeout: 5 * MINUTES }, async () => {
  const first = await attempt("codex-first", "ok", {
    task: {
      prompt: { inline: "--help me: add a greeting" },
      commitInstruction: COMMIT_INSTRUCTION,
      appendSystemPrompt: { inline: 'Say "hello"\n€.' },
      session: {},
    },
  });
  const done = succeeded(first.end);
  expect(done).toMatchObject({
    finalMessage: { inline: "Done: created hello.txt and committed it." },
    work: { commits: 1 },
    account: {
      usage: { inputTokens: 1_564, outputTokens: 110, cacheReadTokens: 19_500 },
      turns: 2,
    },
  });
  // The model that it chose by itself has a price.
  expect(done.account.costUsd).toBeGreaterThan(0);
  const [asked] = first.requests;
  expect(asked).toMatchObject({
    prompt: "--help me: add a greeting",
    credential: { header: "authorization", value: `Bearer ${KEY}` },
  });
  expect(asked?.system).toContain(`Say "hello"\n€.\n\n${COMMIT_INSTRUCTION}`);

  const next = await attempt("codex-next", [{ text: '{"score": 7}' }], {
    task: {
      prompt: { inline: "How was it?" },
      systemPrompt: { inline: "You are a critic." },
      outputSchema: { inline: '{"type":"object"}' },
      session: { ...(done.session && { from: done.session }) },
    },
  });
  expect(succeeded(next.end)).toMatchObject({
    output: { inline: '{"score": 7}' },
    account: {
      sessionId: done.account.sessionId,
      // Its own alone, though the CLI tells the conversation's total.
      usage: { inputTokens: 1_512, outputTokens: 55, cacheReadTokens: 9_000 },
      turns: 1,
    },
  });
  const [goneOn] = next.requests;
  expect(goneOn).toMatchObject({ prompt: "How was it?" });
  expect(JSON.stringify(goneOn?.body)).toContain("--help me: add a greeting");
  expect(goneOn?.body).toMatchObject({ text: { format: { schema: { type: "object" } } } });
});

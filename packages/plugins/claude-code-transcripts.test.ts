import { describe, expect, it } from "vitest";
import { claudeCode } from "./claude-code.ts";
import { read, transcript } from "./testing/transcripts.ts";

describe("a run's meaning", () => {
  const resultOf = (name: string) =>
    read(claudeCode.parser, transcript("claude-code", name)).result;

  it("is success with message, session, cost, tokens and turns", () => {
    expect(resultOf("ok")).toEqual({
      finalMessage: "Done: created hello.txt and committed it.",
      sessionId: "e90c99cf-5174-4640-9890-4483ea4fce81",
      usage: {
        inputTokens: 24,
        outputTokens: 110,
        cacheReadTokens: 19_500,
        cacheWriteTokens: 1_540,
      },
      costUsd: 0.006947999999999999,
      turns: 2,
    });
  });

  it.each([
    ["auth401", "credentials_refused", false],
    ["forbid403", "credentials_refused", false],
    ["billing400", "credentials_refused", false],
    ["no-key", "credentials_refused", false],
    ["badmodel", "invalid_model", false],
    ["prompt-too-long", "context_too_long", false],
    ["refusal", "model_refused", false],
    ["max-output-tokens", "agent_failed", false],
    ["maxturns", "max_turns", false],
    ["max-budget", "budget", false],
    ["rate429-retries2", "rate_limited", true],
    ["rate429-long", "rate_limited", true],
    ["usage-limit", "rate_limited", true],
    ["over529-retries2", "overloaded", true],
    ["err500", "provider_error", true],
    ["no-answer", "provider_unreachable", true],
    ["connection-refused", "provider_unreachable", true],
    ["as-root", "agent_failed", false],
    ["unknown-flag", "agent_failed", false],
    ["unknown-session", "session_lost", true],
    ["sigINT", "agent_failed", false],
    ["sigTERM", "agent_failed", false],
  ] as const)("%s is %s", (name, code, retryable) => {
    expect(resultOf(name).failure).toMatchObject({ code, retryable });
  });

  it.each(["ok", "denied", "stream-cut", "rate429-once", "empty-answer", "two-tools", "subagent"])(
    "%s is success",
    (name) => expect(resultOf(name)).not.toHaveProperty("failure"),
  );

  it("says in its own words why it failed", () => {
    expect(resultOf("billing400").failure?.message).toBe("Credit balance is too low");
    expect(resultOf("maxturns").failure?.message).toBe("Reached maximum number of turns (3)");
    expect(resultOf("as-root").failure?.message).toMatch(/^it exited with status 1: .*root/);
    expect(resultOf("unknown-session").failure?.message).toMatch(/^No conversation found/);
  });

  it("knows how long to wait where the provider says so", () => {
    expect(resultOf("usage-limit").failure?.retryAfterMs).toBeGreaterThan(3_000_000);
    expect(resultOf("rate429-retries2").failure?.retryAfterMs).toBeGreaterThan(1_000);
    expect(resultOf("rate429-long").failure?.retryAfterMs).toBe(60_000);
    // What the CLI waits of its own accord is nobody's word.
    expect(resultOf("over529-retries2").failure).not.toHaveProperty("retryAfterMs");
    expect(resultOf("err500").failure).not.toHaveProperty("retryAfterMs");
  });

  it("of a resumed session counts what this attempt used, and no more", () => {
    const { usage, costUsd } = resultOf("sess2-resume");
    expect(usage).toMatchObject({ inputTokens: 12, outputTokens: 55 });
    expect(costUsd).toBeCloseTo(0.012172 - 0.006948, 6);
  });

  it("counts sub-agents' tokens, and takes the words of the agent itself", () => {
    expect(resultOf("subagent")).toMatchObject({
      finalMessage: "A sub-agent wrote hello.txt, and I committed it.",
      usage: { inputTokens: 72, outputTokens: 330 },
      costUsd: 0.017344,
      turns: 4,
    });
  });

  it("of several results takes the agent's own words, and all that was used", () => {
    expect(resultOf("several-results")).toMatchObject({
      finalMessage: "A sub-agent writes hello.txt.",
      usage: { inputTokens: 60, outputTokens: 275 },
      turns: 3,
    });
  });

  it("of an agent that was ended still has the tokens it had spent, at an unknown cost", () => {
    const { usage, costUsd } = resultOf("sigTERM");
    expect(usage).toMatchObject({ inputTokens: 12, cacheReadTokens: 9_000 });
    expect(costUsd).toBeUndefined();
  });
});

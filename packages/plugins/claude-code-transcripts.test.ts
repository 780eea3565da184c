import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claudeCode } from "./claude-code.ts";
import type { AgentExit, AgentRecord, AgentResult } from "./plugin.port.ts";

/** What an agent CLI once wrote, and how it ended. */
interface Transcript {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exit: AgentExit;
  readonly resumed: boolean;
}

const DATA = join(import.meta.dirname, "testdata", "claude-code");

const NAMES = readdirSync(DATA)
  .filter((name) => !name.includes("."))
  .sort();

function recorded(name: string): Transcript {
  const folder = join(DATA, name);
  const bytes = (file: string) => {
    const path = join(folder, file);
    return existsSync(path) ? Uint8Array.from(readFileSync(path)) : new Uint8Array();
  };
  const end = JSON.parse(readFileSync(join(folder, "end.json"), "utf8"));
  const { exitCode, resumed = false } = end as { exitCode: number; resumed?: boolean };
  return {
    stdout: bytes("stdout.jsonl"),
    stderr: bytes("stderr.txt"),
    exit: { exitCode },
    resumed,
  };
}

/** All that is read of it, when stdout comes in these pieces. */
function read(of: Transcript, pieces: readonly Uint8Array[] = [of.stdout]) {
  const parser = claudeCode.parser(of.resumed ? { resumeSessionId: "s" } : {});
  const records: AgentRecord[] = [...parser.push("stderr", of.stderr)];
  for (const piece of pieces) records.push(...parser.push("stdout", piece));
  const end = parser.end(of.exit);
  return { records: [...records, ...end.records], result: end.result };
}

function cutAt(bytes: Uint8Array, points: readonly number[]): Uint8Array[] {
  const at = points.map((point) => Math.floor(point * bytes.length)).sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

describe("the transcript", () => {
  it.each(NAMES)("%s reads as it always did", async (name) => {
    await expect(`${JSON.stringify(read(recorded(name)), null, 2)}\n`).toMatchFileSnapshot(
      join(DATA, name, "expected.json"),
    );
  });

  it.each(NAMES)("%s has no line that cannot be read", (name) => {
    const { records } = read(recorded(name));
    expect(records.filter((record) => record.type === "unreadable")).toEqual([]);
  });

  it.each(NAMES)("%s reads the same byte by byte", (name) => {
    const whole = recorded(name);
    const single = Array.from(whole.stdout, (byte) => Uint8Array.of(byte));
    expect(read(whole, single)).toEqual(read(whole));
  });

  it("reads the same however it is cut", () => {
    const points = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
      size: "max",
      maxLength: 50,
    });
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), points, (name, points) => {
        const whole = recorded(name);
        expect(read(whole, cutAt(whole.stdout, points))).toEqual(read(whole));
      }),
      { numRuns: 200 },
    );
  });
});

describe("a damaged transcript", () => {
  const transcripts = NAMES.map(recorded).filter(({ stdout }) => stdout.length > 0);
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant("byte" as const), at: place, byte: fc.nat(255) }),
    fc.record({ kind: fc.constant("cut" as const), at: place, length: fc.nat(200) }),
    fc.record({ kind: fc.constant("twice" as const), at: place, length: fc.nat(2_000) }),
    fc.record({
      kind: fc.constant("insert" as const),
      at: place,
      text: fc.constantFrom(
        "\n",
        '"',
        "null",
        "{}",
        "1e999",
        "-1",
        "[]",
        "\ud83d",
        "\u0000",
        "}\n{",
      ),
    }),
  );

  type Mutation = typeof mutation extends fc.Arbitrary<infer M> ? M : never;

  function mutate(bytes: Uint8Array, mutations: readonly Mutation[]) {
    let current = Buffer.from(bytes);
    for (const change of mutations) {
      const at = Math.floor(change.at * current.length);
      const before = current.subarray(0, at);
      const after = current.subarray(at);
      if (change.kind === "byte")
        current = Buffer.concat([before, Buffer.of(change.byte), after.subarray(1)]);
      if (change.kind === "cut") current = Buffer.concat([before, after.subarray(change.length)]);
      if (change.kind === "twice")
        current = Buffer.concat([before, after.subarray(0, change.length), after]);
      if (change.kind === "insert")
        current = Buffer.concat([before, Buffer.from(change.text), after]);
    }
    return Uint8Array.from(current);
  }

  function expectSendable({ usage, costUsd, turns, failure }: AgentResult) {
    for (const tokens of Object.values(usage ?? {}))
      expect(Number.isSafeInteger(tokens)).toBe(true);
    if (costUsd !== undefined) expect(costUsd).toBeGreaterThanOrEqual(0);
    if (turns !== undefined) expect(Number.isSafeInteger(turns)).toBe(true);
    if (failure) expect(failure.message.length).toBeGreaterThan(0);
  }

  it("never throws, and all that is read of it can be sent", () => {
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 20, size: "max" });
    const exits = fc.constantFrom<AgentExit>({ exitCode: 0 }, { exitCode: 1 }, { signal: "KILL" });
    fc.assert(
      fc.property(fc.constantFrom(...transcripts), mutations, exits, (whole, mutations, exit) => {
        const stdout = mutate(whole.stdout, mutations);
        const { records, result } = read({ ...whole, exit, stdout });
        expectSendable(result);
        for (const record of records) {
          if (record.type === "message") expect(record.text.length).toBeLessThanOrEqual(4_000);
          if ("summary" in record) expect(record.summary.length).toBeLessThanOrEqual(500);
          if (record.type === "usage") expectSendable({ usage: record.usage });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a run's meaning", () => {
  const resultOf = (name: string) => read(recorded(name)).result;

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

  it("of an agent that was ended still has the tokens it had spent, at an unknown cost", () => {
    const { usage, costUsd } = resultOf("sigTERM");
    expect(usage).toMatchObject({ inputTokens: 12, cacheReadTokens: 9_000 });
    expect(costUsd).toBeUndefined();
  });
});

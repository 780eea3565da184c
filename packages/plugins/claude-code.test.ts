import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claudeCode } from "./claude-code.ts";
import { resolveCredentials } from "./credentials.ts";
import { lineSplitter, MAX_LINE_BYTES } from "./line-splitter.ts";
import type { AgentExit, AgentRecord, AgentTask } from "./plugin.port.ts";
import { findPlugin } from "./registry.ts";

/** Output of the real CLI in each of these cases; see the folder. */
const DATA = join(import.meta.dirname, "testdata", "claude-code");
const CASES = readdirSync(DATA).sort();
const FAILED = ["auth401", "badmodel", "maxturns", "over529-retries2", "rate429-retries2"];

const transcript = (name: string): Uint8Array => readFileSync(join(DATA, name, "stdout.jsonl"));
const exitOf = (name: string): AgentExit => {
  if (name === "sigTERM") return { exitCode: 143 };
  return { exitCode: FAILED.includes(name) ? 1 : 0 };
};
const task: AgentTask = { prompt: "do it", cliArgs: [] };
const taskOf = (name: string): AgentTask =>
  name === "sess2-resume" ? { ...task, resumeSessionId: "s" } : task;

/** All that is read of some output when it comes in these pieces. */
function readPieces(pieces: readonly Uint8Array[], exit: AgentExit, of = task) {
  const parser = claudeCode.parser(of);
  const records: AgentRecord[] = pieces.flatMap((piece) => [...parser.push("stdout", piece)]);
  const end = parser.end(exit);
  return { records: [...records, ...end.records], result: end.result };
}
const pieces = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const at = [
    0,
    ...cuts.map((cut) => cut % (bytes.byteLength + 1)).sort((a, b) => a - b),
    bytes.byteLength,
  ];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
};

describe("the transcript", () => {
  it.each(CASES)("%s reads as it always did", async (name) => {
    const read = readPieces([transcript(name)], exitOf(name), taskOf(name));
    await expect(`${JSON.stringify(read, null, 2)}\n`).toMatchFileSnapshot(
      join(DATA, name, "expected.json"),
    );
  });

  it.each(CASES)("%s reads the same byte by byte", (name) => {
    const bytes = transcript(name);
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    expect(readPieces(single, exitOf(name))).toEqual(readPieces([bytes], exitOf(name)));
  });

  it("reads the same however it is split", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CASES),
        fc.array(fc.nat(20_000), { maxLength: 30 }),
        (name, cuts) => {
          const bytes = transcript(name);
          expect(readPieces(pieces(bytes, cuts), exitOf(name))).toEqual(
            readPieces([bytes], exitOf(name)),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives records or a report, and never throws, when bytes of it are damaged", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.constantFrom(...CASES), damage, (name, changes) => {
        const bytes = Uint8Array.from(transcript(name));
        for (const [at, value] of changes) bytes[at % bytes.byteLength] = value;
        const { records } = readPieces([bytes], { exitCode: 0 });
        expect(records.length).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("what a run meant", () => {
  const resultOf = (name: string) =>
    readPieces([transcript(name)], exitOf(name), taskOf(name)).result;

  it("is success with message, session, cost and tokens", () => {
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
    ["badmodel", "invalid_model", false],
    ["maxturns", "max_turns", false],
    ["over529-retries2", "overloaded", true],
    ["rate429-retries2", "rate_limited", true],
  ] as const)("%s is %s", (name, code, retryable) => {
    expect(resultOf(name).failure).toMatchObject({ code, retryable });
    expect(resultOf(name).failure?.message).not.toBe("");
  });

  it("does not claim a resumed session's whole cost for one attempt", () => {
    expect(resultOf("sess2-resume")).not.toHaveProperty("costUsd");
    expect(resultOf("sess2-resume").usage?.inputTokens).toBeGreaterThan(0);
  });

  it("of an agent that was ended is a failure, with the tokens it had spent", () => {
    const { failure, usage } = resultOf("sigTERM");
    expect(failure?.code).toBe("agent_failed");
    expect(usage?.inputTokens).toBeGreaterThan(0);
  });

  it("without a result is a failure whatever the exit status, with the last of stderr", () => {
    expect(readPieces([], { exitCode: 0 }).result.failure?.code).toBe("no_result");
    const parser = claudeCode.parser(task);
    parser.push("stderr", Buffer.from("Error: it broke\n"));
    expect(parser.end({ exitCode: 1 }).result.failure?.message).toContain("it broke");
  });

  it("takes the agent's own words from the first of several results", () => {
    const line = (index: number, result: string) =>
      `${JSON.stringify({ type: "result", subtype: "success", result, result_index: index })}\n`;
    const bytes = Buffer.from(line(1, "of a sub-agent") + line(0, "of the agent"));
    expect(readPieces([bytes], { exitCode: 0 }).result.finalMessage).toBe("of the agent");
  });
});

describe("a line", () => {
  it("that is too long is reported and what follows is read", () => {
    const long = new Uint8Array(MAX_LINE_BYTES + 10).fill(0x78);
    const after = Buffer.from(
      `\n${JSON.stringify({ type: "result", subtype: "success", result: "ok" })}\n`,
    );
    const { records, result } = readPieces([long, after], { exitCode: 0 });
    expect(records).toMatchObject([{ type: "unreadable", line: 1 }, { type: "final" }]);
    expect(result.finalMessage).toBe("ok");
  });

  it("ends at a newline and at the end, in any pieces", () => {
    const split = lineSplitter();
    const got = ["a\nb", "\n\nc"].flatMap((text) => [...split.push(Buffer.from(text))]);
    expect([...got, ...split.end()].map((l) => ("text" in l ? l.text : "?"))).toEqual([
      "a",
      "b",
      "",
      "c",
    ]);
  });
});

describe("the command line", () => {
  const argvOf = (changes: Partial<AgentTask>) => claudeCode.command({ ...task, ...changes }).argv;

  it("puts the agent's own arguments before the prompt", () => {
    expect(argvOf({ cliArgs: ["--add-dir", "x"] }).slice(-3)).toEqual(["--add-dir", "x", "do it"]);
  });

  it("keeps a prompt that begins with a dash from being an option", () => {
    expect(argvOf({ prompt: "-v is broken" }).slice(-2)).toEqual(["--", "-v is broken"]);
  });

  it("gives a prompt over 96 KiB by stdin", () => {
    const prompt = "é".repeat(60_000);
    const command = claudeCode.command({ ...task, prompt });
    expect(command.stdin).toBe(prompt);
    expect(command.argv).not.toContain(prompt);
  });

  it("holds no credential, and the provider's address where there is one", () => {
    const { env } = claudeCode.command({ ...task, baseUrl: "http://host:1/x" });
    expect(env["ANTHROPIC_BASE_URL"]).toBe("http://host:1/x");
    expect(Object.keys(env).filter((name) => /KEY|TOKEN/.test(name))).toEqual([]);
  });
});

describe("credentials", () => {
  const env = {
    ANTHROPIC_API_KEY: "key",
    CLAUDE_CODE_OAUTH_TOKEN: "token",
    OPENAI_API_KEY: "other",
  };

  it("are the subscription's before the key's, and nothing of another provider", () => {
    expect(resolveCredentials(claudeCode, { env }).secrets).toEqual({
      CLAUDE_CODE_OAUTH_TOKEN: "token",
    });
  });

  it("follow the mode, and a flag goes before the environment", () => {
    const byMode = resolveCredentials(claudeCode, { env, mode: "api" });
    expect(byMode).toEqual({ mode: "api", secrets: { ANTHROPIC_API_KEY: "key" } });
    const byFlag = resolveCredentials(claudeCode, { env, apiKey: "flag", baseUrl: "http://x" });
    expect(byFlag).toEqual({
      mode: "api",
      secrets: { ANTHROPIC_API_KEY: "flag" },
      baseUrl: "http://x",
    });
  });

  it("that are missing are asked for by name", () => {
    const missing = () => resolveCredentials(claudeCode, { env: { ANTHROPIC_API_KEY: " " } });
    expect(missing).toThrow(expect.objectContaining({ code: "credentials_missing" }));
    expect(missing).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/ANTHROPIC_API_KEY/) }),
    );
  });
});

it("an unknown plugin is answered with those there are", () => {
  expect(() => findPlugin("cladue")).toThrow(
    expect.objectContaining({ code: "usage", hint: "plugins: claude-code" }),
  );
});

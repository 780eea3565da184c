import { describe, expect, it } from "vitest";
import { gemini } from "./gemini.ts";
import type { AgentExit, AgentRecord, AgentTask } from "./plugin.port.ts";
import { read, transcript } from "./testing/transcripts.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const task: AgentTask = { prompt: "do it", cliArgs: [] };
const line = (fields: object) => `${JSON.stringify(fields)}\n`;

describe("the command line", () => {
  const commandOf = (changes: Partial<AgentTask>) => gemini.command({ ...task, ...changes });

  it("asks for what is read, the prompt last and in one word with its option", () => {
    const { argv } = commandOf({
      prompt: "-v is broken",
      model: "gemini-2.5-flash",
      instruction: "commit",
      resumeSessionId: "s1",
      cliArgs: ["--include-directories", "x"],
    });
    expect(argv).toEqual([
      ...["gemini", "--output-format", "stream-json", "--yolo", "--skip-trust"],
      ...["--model", "gemini-2.5-flash", "--resume", "s1", "--include-directories", "x"],
      "--prompt=-v is broken\n\ncommit",
    ]);
  });

  it("gives a prompt over 96 KiB, with what stands after it, by stdin", () => {
    const prompt = "é".repeat(48 * 1024);
    expect(commandOf({ prompt })).not.toHaveProperty("stdin");
    const command = commandOf({ prompt, instruction: "commit" });
    expect(command.stdin).toBe(`${prompt}\n\ncommit`);
    expect(command.argv.join(" ")).not.toContain("--prompt");
  });

  it("brings settings and a system prompt as files, and no credential", () => {
    const { env, files } = commandOf({
      baseUrl: "http://host:1/x",
      systemPrompt: "be brief",
      maxTurns: 3,
    });
    expect(env).toEqual({
      GEMINI_CLI_NO_RELAUNCH: "true",
      GEMINI_CLI_SYSTEM_SETTINGS_PATH: "/pitaya/exchange/in/gemini-settings.json",
      GEMINI_SANDBOX: "false",
      GEMINI_SYSTEM_MD: "/pitaya/exchange/in/gemini-system.md",
      GOOGLE_GEMINI_BASE_URL: "http://host:1/x",
    });
    expect(files?.["gemini-system.md"]).toBe("be brief");
    expect(JSON.parse(files?.["gemini-settings.json"] ?? "")).toMatchObject({
      general: { maxAttempts: 3, enableAutoUpdate: false },
      model: { maxSessionTurns: 3 },
      privacy: { usageStatisticsEnabled: false },
      security: { auth: { selectedType: "gemini-api-key" } },
    });
    expect(Object.keys(commandOf({}).files ?? {})).toEqual(["gemini-settings.json"]);
  });

  it("names the provider's address, so that no file of the repository does", () => {
    const { GOOGLE_GEMINI_BASE_URL } = commandOf({}).env;
    expect(GOOGLE_GEMINI_BASE_URL).toBe("https://generativelanguage.googleapis.com");
  });
});

describe("a task that cannot be honoured", () => {
  it.each([
    [{ prompt: " \n" }, "gemini: prompt is empty"],
    [{ prompt: "a\0b" }, "gemini: prompt holds a NUL character"],
    [{ outputSchema: {} }, "gemini: outputSchema cannot be passed on to it"],
    [
      { appendSystemPrompt: "x" },
      "gemini: appendSystemPrompt: it takes a systemPrompt of its own, or none",
    ],
    [{ systemPrompt: "x".repeat(98_305) }, "gemini: systemPrompt is over 96 KiB"],
    [{ maxTurns: 0 }, "gemini: maxTurns is not a positive whole number"],
    [{ cliArgs: ["--prompt=x"] }, "gemini: cliArgs may not hold --prompt: Pitaya says that itself"],
  ])("is refused by plugin and field: %o", (changes, problem) => {
    expect(gemini.check({ ...task, ...changes })).toEqual([problem]);
  });

  it("is not one that it can", () => {
    const can = { maxTurns: 3, systemPrompt: "x", cliArgs: ["--policy", "p.toml"] };
    expect(gemini.check({ ...task, ...can })).toEqual([]);
  });
});

describe("a session", () => {
  const id = "0a1b2c3d-0000-4000-8000-00000000abcd";

  it("lies in a file that is named by the beginning of its id", () => {
    expect(gemini.sessionFiles(id)).toEqual([
      ".gemini/tmp/workspace/chats/session-*-0a1b2c3d.jsonl",
    ]);
  });

  it.each(["../../.ssh/id", "", "a*", id.toUpperCase(), `${id}\n`])("is not one: %j", (odd) => {
    expect(gemini.sessionFiles(odd)).toEqual([]);
  });
});

describe("a run's meaning", () => {
  const resultOf = (name: string) => read(gemini.parser, transcript("gemini", name)).result;

  it("is success with message, session, tokens of all models, cost and turns", () => {
    expect(resultOf("ok")).toMatchObject({
      finalMessage: "Done: created hello.txt and committed it.",
      sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      // Thoughts are output: 2 × (35 + 20).
      usage: { inputTokens: 13_000, outputTokens: 110, cacheReadTokens: 9_000 },
      costUsd: expect.closeTo(0.3 * 0.013 + 2.5 * 0.00011 + 0.03 * 0.009, 10),
      turns: 2,
    });
    // A model without a price is among those that it chose.
    expect(resultOf("auto")).toMatchObject({ usage: { inputTokens: 24_000, outputTokens: 165 } });
    expect(resultOf("auto")).not.toHaveProperty("costUsd");
  });

  it.each([
    ["auth401", "credentials_refused", false],
    ["forbid403", "credentials_refused", false],
    ["billing400", "credentials_refused", false],
    ["invalid-key", "credentials_refused", false],
    ["no-key", "credentials_refused", false],
    ["badmodel", "invalid_model", false],
    ["ctxlen", "context_too_long", false],
    ["too-long", "context_too_long", false],
    ["max-turns", "max_turns", false],
    ["rate429", "rate_limited", true],
    ["rate429-long", "rate_limited", true],
    ["over529", "overloaded", true],
    ["overloaded503", "overloaded", true],
    ["err500", "provider_error", true],
    ["empty-answer", "provider_error", true],
    ["stream-cut", "provider_unreachable", true],
    ["connection-refused", "provider_unreachable", true],
    ["unknown-flag", "agent_failed", false],
    ["unknown-session", "session_lost", true],
  ] as const)("%s is %s", (name, code, retryable) => {
    expect(resultOf(name).failure).toMatchObject({ code, retryable });
    expect(resultOf(name)).not.toHaveProperty("finalMessage");
  });

  it("tells how long the provider wants it to wait", () => {
    expect(resultOf("rate429-long").failure?.retryAfterMs).toBe(3_600_000);
    expect(resultOf("rate429").failure?.retryAfterMs).toBe(1_000);
  });

  it("tells of requests that it makes again", () => {
    const { records } = read(gemini.parser, transcript("gemini", "rate429"));
    const retries = records.filter(({ type }) => type === "retry");
    expect(retries).toMatchObject([{ attempt: 1 }, { attempt: 2 }]);
    expect(retries).toMatchObject([{ reason: expect.stringContaining("rate limit") }, {}]);
  });
});

function readLines(stdout: string, exit: AgentExit, resumeSessionId?: string) {
  const parser = gemini.parser(resumeSessionId === undefined ? {} : { resumeSessionId });
  const records: AgentRecord[] = [...parser.push("stdout", utf8(stdout))];
  const end = parser.end(exit);
  return { records: [...records, ...end.records], result: end.result };
}

describe("what the transcripts do not show", () => {
  const said = (content: string) => line({ type: "message", role: "assistant", content });
  const success = line({ type: "result", status: "success", stats: {} });

  it("a result stands however the process ended", () => {
    const { result } = readLines(said("done") + success, { signal: "CHLD" });
    expect(result).toMatchObject({ finalMessage: "done" });
    expect(result).not.toHaveProperty("failure");
  });

  it("a name of the error on stderr counts when it comes last", () => {
    const parser = gemini.parser();
    const error = { type: "unknown", message: "[API Error: model: no-such-model]" };
    parser.push("stdout", utf8(line({ type: "result", status: "error", error })));
    parser.push("stderr", utf8("Error when talking to Gemini API Report: x ModelNotFoundError: m"));
    expect(parser.end({ exitCode: 1 }).result.failure?.code).toBe("invalid_model");
  });

  it("an error without a word is told of in ours", () => {
    const error = { type: "unknown", message: "[API Error: ]" };
    const { result } = readLines(line({ type: "result", status: "error", error }), { exitCode: 1 });
    expect(result.failure?.message).toBe("it told of an error without a word");
  });

  it("without a result it has failed, whatever its exit status", () => {
    expect(readLines(said("hm"), { exitCode: 0 }).result.failure?.code).toBe("no_result");
    expect(readLines("", { signal: "KILL" }).result.failure?.retryable).toBe(true);
    expect(readLines("", { exitCode: 1 }, "s").result.failure?.code).toBe("session_lost");
  });

  it("has no cost where it depends on how long each request was", () => {
    const resultWith = (input_tokens: number) => {
      const models = { "gemini-2.5-pro": { input_tokens, total_tokens: input_tokens } };
      const stats = { input_tokens, models };
      return readLines(line({ type: "result", status: "success", stats }), { exitCode: 0 }).result;
    };
    expect(resultWith(200_000).costUsd).toBeCloseTo(0.25, 10);
    expect(resultWith(200_001)).not.toHaveProperty("costUsd");
  });

  it("a message that never ends is kept by its end", () => {
    const { records, result } = readLines(`${said("x".repeat(1_000)).repeat(1_000)}${success}`, {
      exitCode: 0,
    });
    expect(records.filter(({ type }) => type === "message")).toHaveLength(1);
    expect(result.finalMessage).toHaveLength(256 * 1024);
  });
});

it("has no session to go on with before the model's first word", () => {
  const init = `${JSON.stringify({ type: "init", session_id: "s1", model: "m" })}\n`;
  const said = `${JSON.stringify({ type: "message", role: "assistant", content: "Hi." })}\n`;
  const read = (text: string, resumeSessionId?: string) => {
    const parser = gemini.parser(resumeSessionId === undefined ? {} : { resumeSessionId });
    const records = parser.push("stdout", new TextEncoder().encode(text));
    return [
      records.some(({ type }) => type === "session"),
      parser.end({ exitCode: 1 }).result.sessionId,
    ];
  };
  expect(read(init)).toEqual([false, undefined]);
  expect(read(init + said)).toEqual([true, "s1"]);
  expect(read(init, "s1")).toEqual([true, "s1"]);
});

import { describe, expect, it } from "vitest";
import { opencode } from "./opencode.ts";
import type { AgentExit, AgentTask } from "./plugin.port.ts";
import { read, transcript } from "./testing/transcripts.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const task: AgentTask = { prompt: "do it", cliArgs: [] };
const line = (fields: object) => `${JSON.stringify({ sessionID: "s", ...fields })}\n`;

describe("the command line", () => {
  const commandOf = (changes: Partial<AgentTask>) => opencode.command({ ...task, ...changes });
  const configOf = (changes: Partial<AgentTask>) =>
    JSON.parse(commandOf(changes).env["OPENCODE_CONFIG_CONTENT"] ?? "");

  it("asks for what is read, and gives the prompt by stdin as it is", () => {
    const { argv, stdin } = commandOf({
      prompt: '-v "is" broken',
      model: "anthropic/claude-sonnet-5-5",
      resumeSessionId: "ses_1",
      cliArgs: ["--variant", "high"],
    });
    expect(argv).toEqual([
      ...["opencode", "run", "--format", "json", "--print-logs", "--log-level", "ERROR"],
      ...["--model", "anthropic/claude-sonnet-5-5", "--session", "ses_1", "--variant", "high"],
    ]);
    expect(stdin).toBe('-v "is" broken');
  });

  it("names the key's variable in its configuration, and holds no key", () => {
    expect(configOf({})).toMatchObject({
      autoupdate: false,
      enabled_providers: ["anthropic"],
      permission: "allow",
      provider: {
        anthropic: {
          // The repository's own configuration could name another address.
          options: { apiKey: "{env:ANTHROPIC_API_KEY}", baseURL: "https://api.anthropic.com/v1" },
        },
      },
    });
    const other = configOf({
      model: "openrouter/some/model",
      baseUrl: "http://host:1/x",
      provider: { name: "openrouter", keyEnv: "MY_KEY" },
    });
    expect(other.provider).toEqual({
      openrouter: {
        options: { apiKey: "{env:MY_KEY}", baseURL: "http://host:1/x" },
        models: { "some/model": {} },
      },
    });
    expect(other.enabled_providers).toEqual(["openrouter"]);
  });

  it.each(["http://host:1/x", "http://host:1/x/", "http://host:1/x/v1", "http://host:1/x/v1/"])(
    "finds Anthropic's interface below %s",
    (baseUrl) => {
      expect(configOf({ baseUrl }).provider.anthropic.options.baseURL).toBe("http://host:1/x/v1");
    },
  );

  it("brings a system prompt and what is told beside the prompt as files", () => {
    const asked = { systemPrompt: "be brief", appendSystemPrompt: "also", instruction: "commit" };
    expect(commandOf(asked).files).toEqual({
      "opencode-instructions.md": "also\n\ncommit",
      "opencode-system.md": "be brief",
    });
    expect(configOf(asked)).toMatchObject({
      agent: {
        build: { prompt: "{file:/pitaya/exchange/in/opencode-system.md}" },
        title: { disable: true },
      },
      instructions: ["/pitaya/exchange/in/opencode-instructions.md"],
    });
    expect(commandOf({})).not.toHaveProperty("files");
    expect(configOf({})).not.toHaveProperty("instructions");
  });
});

describe("a task that cannot be honoured", () => {
  it.each([
    [{ prompt: " \n" }, "opencode: prompt is empty"],
    [{ prompt: "a\0b" }, "opencode: prompt holds a NUL character"],
    [{ outputSchema: {} }, "opencode: outputSchema cannot be passed on to it"],
    [{ maxTurns: 3 }, "opencode: maxTurns: it has no limit that ends it"],
    [{ instruction: "x".repeat(98_305) }, "opencode: appendSystemPrompt is over 96 KiB"],
    [
      { cliArgs: ["--session=x"] },
      "opencode: cliArgs may not hold --session: Pitaya says that itself",
    ],
    [
      { model: "sonnet" },
      "opencode: model sonnet names no provider of its: anthropic/…, openai/…, openrouter/…, groq/…, mistral/…, deepseek/…",
    ],
    [
      { model: "openai/gpt-5.5", provider: { name: "anthropic" } },
      "opencode: model openai/gpt-5.5 is not one of anthropic, whose key it has",
    ],
  ])("is refused by plugin and field: %o", (changes, problem) => {
    expect(opencode.check({ ...task, ...changes })).toEqual([problem]);
  });

  it("is not one that it can", () => {
    const can = { systemPrompt: "x", appendSystemPrompt: "y", model: "groq/llama" };
    expect(opencode.check({ ...task, ...can })).toEqual([]);
  });
});

it("keeps a session's database, with what has not been moved into its first file", () => {
  expect(opencode.sessionFiles("ses_dfa42e08affeHHtavgX0Z2roND")).toEqual([
    ".local/share/opencode/opencode.db",
    ".local/share/opencode/opencode.db-wal",
  ]);
  for (const odd of ["", "ses_../../x", "ses_dfa42e08affeHHtavgX0Z2roND\n", "0a1b"]) {
    expect(opencode.sessionFiles(odd)).toEqual([]);
  }
});

describe("a run's meaning", () => {
  const resultOf = (name: string) => read(opencode.parser, transcript("opencode", name)).result;

  it("is success with message, session, cost, tokens and turns", () => {
    expect(resultOf("ok")).toEqual({
      finalMessage: "Done: created hello.txt and committed it.",
      sessionId: expect.stringMatching(/^ses_[0-9A-Za-z]{26}$/),
      usage: {
        inputTokens: 24,
        outputTokens: 110,
        cacheReadTokens: 19_500,
        cacheWriteTokens: 1_540,
      },
      costUsd: expect.closeTo(0.013347, 10),
      turns: 2,
    });
  });

  it.each([
    ["the CLI knows no price", "unknown-price", 24],
    ["a sub-agent, which it does not tell of, had a part in it", "subagent", 36],
  ])("has no cost where %s", (_why, name, inputTokens) => {
    expect(resultOf(name)).toMatchObject({ usage: { inputTokens } });
    expect(resultOf(name)).not.toHaveProperty("costUsd");
  });

  it.each([
    ["auth401", "credentials_refused", false],
    ["forbid403", "credentials_refused", false],
    ["billing400", "credentials_refused", false],
    ["badmodel", "invalid_model", false],
    ["ctxlen", "context_too_long", false],
    ["refusal", "model_refused", false],
    ["maxtokens", "agent_failed", false],
    ["rate429", "rate_limited", true],
    ["over529", "overloaded", true],
    ["err500", "provider_error", true],
    ["connection-refused", "provider_unreachable", true],
    ["dropalways", "provider_unreachable", true],
    ["unknown-flag", "agent_failed", false],
    ["unknown-session", "session_lost", true],
  ] as const)("%s is %s", (name, code, retryable) => {
    expect(resultOf(name).failure).toMatchObject({ code, retryable });
    expect(resultOf(name)).not.toHaveProperty("finalMessage");
  });

  it.each(["drop", "sseerror", "rate429once", "openrouter", "openai", "resumed"])(
    "%s is success all the same",
    (name) => {
      expect(resultOf(name)).toHaveProperty("finalMessage");
      expect(resultOf(name)).not.toHaveProperty("failure");
    },
  );

  it("tells how long the provider wants it to wait", () => {
    expect(resultOf("rate429").failure?.retryAfterMs).toBe(1_000);
  });
});

describe("what the transcripts do not show", () => {
  const readLines = (stdout: string, exit: AgentExit, resumeSessionId?: string) => {
    const parser = opencode.parser(resumeSessionId === undefined ? {} : { resumeSessionId });
    const records = parser.push("stdout", utf8(stdout));
    return { records, result: parser.end(exit).result };
  };
  const finish = (reason: string) => line({ type: "step_finish", part: { reason } });

  it("the last answer stands however the process ended", () => {
    const { result } = readLines(finish("stop"), { signal: "TERM" });
    expect(result).not.toHaveProperty("failure");
  });

  it("a step that is not the last one is no end", () => {
    const begun = line({ type: "step_start", part: {} });
    expect(readLines(finish("tool-calls"), { exitCode: 0 }).result.failure?.code).toBe("no_result");
    expect(readLines(finish("stop") + begun, { signal: "KILL" }).result.failure).toMatchObject({
      code: "agent_failed",
      retryable: true,
    });
  });

  it("a session that never began is lost", () => {
    expect(readLines("", { exitCode: 1 }, "s").result.failure?.code).toBe("session_lost");
  });

  it("a tool that failed is told of with its error", () => {
    const state = { status: "error", input: { filePath: "a.txt" }, error: "no such file" };
    const tool = line({ type: "tool_use", part: { tool: "read", callID: "c1", state } });
    expect(readLines(tool, { exitCode: 0 }).records.slice(1)).toEqual([
      { type: "tool_call", id: "c1", tool: "read", summary: "a.txt" },
      { type: "tool_result", id: "c1", ok: false, summary: "no such file" },
    ]);
  });

  it("a request that it makes again is told of when it has failed again", () => {
    const logged = (error: string) =>
      `timestamp=2026-11-23T00:17:53.925Z level=ERROR run=7eb4 message="stream error" providerID=anthropic small=false error.error="AI_APICallError: ${error}"\n`;
    const parser = opencode.parser();
    const other = 'level=ERROR message="failed" error="stream error"\n';
    const records = parser.push("stderr", utf8(logged("a") + other + logged("b") + logged("c")));
    expect(records).toEqual([
      { type: "retry", attempt: 1, delayMs: 0, reason: "AI_APICallError: b" },
      { type: "retry", attempt: 2, delayMs: 0, reason: "AI_APICallError: c" },
    ]);
  });

  it("one that was ended while it waited to ask again says why it waited", () => {
    const ended = (stdout: string, exit: AgentExit, mode = "primary") => {
      const parser = opencode.parser();
      const logged = ` level=ERROR message="stream error" small=false agent=x mode=${mode} error.error="AI_APICallError: it would exceed your rate limit"\n`;
      parser.push("stderr", utf8(logged));
      parser.push("stdout", utf8(stdout));
      expect(parser.refusals).toBe(mode === "primary" ? 1 : 0);
      return parser.end(exit).result.failure;
    };
    expect(ended("", { signal: "TERM" }, "subagent")?.code).toBe("agent_failed");
    expect(ended("", { signal: "TERM" })).toMatchObject({
      ...{ code: "rate_limited", retryable: true, retryAfterMs: 60_000 },
    });
    expect(ended("", { exitCode: 1 })?.code).toBe("agent_failed");
    // What it does after that is not the provider's fault.
    const begun = line({ type: "step_start", part: {} });
    expect(ended(begun, { signal: "KILL" })?.code).toBe("agent_failed");
  });

  it("an error of an odd name is an error like any other", () => {
    const error = { name: "constructor", data: { message: "odd" } };
    const { result } = readLines(line({ type: "error", error }), { exitCode: 1 });
    expect(result.failure).toEqual({ code: "agent_failed", message: "odd", retryable: false });
  });

  it("an account without money is told from a limit of requests", () => {
    const error = {
      name: "APIError",
      data: { message: "Quota.", statusCode: 429, responseBody: '{"code":"insufficient_quota"}' },
    };
    const { result } = readLines(line({ type: "error", error }), { exitCode: 1 });
    expect(result.failure).toMatchObject({ code: "credentials_refused", retryable: false });
  });
});

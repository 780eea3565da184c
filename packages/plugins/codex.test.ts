import { describe, expect, it } from "vitest";
import { agentFile } from "./agent-file.ts";
import { codex } from "./codex.ts";
import type { AgentExit, AgentRecord, AgentTask } from "./plugin.port.ts";
import { read as readTranscript, transcript } from "./testing/transcripts.ts";

const task: AgentTask = { prompt: "do it", cliArgs: [] };
const utf8 = (text: string) => new TextEncoder().encode(text);
const line = (fields: object) => `${JSON.stringify(fields)}\n`;
const commandOf = (changes: Partial<AgentTask>) => codex.command({ ...task, ...changes });
const argvOf = (changes: Partial<AgentTask>) => commandOf(changes).argv;

/** What `-c` sets. */
const configOf = (changes: Partial<AgentTask>) => {
  const argv = argvOf(changes);
  const pairs = argv.flatMap((word, i) => (argv[i - 1] === "-c" ? [word] : []));
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), JSON.parse(pair.slice(at + 1)) as unknown];
    }),
  );
};

describe("the command line", () => {
  it("bounds the CLI's own patience, and calls no other host", () => {
    expect(configOf({})).toEqual({
      "analytics.enabled": false,
      check_for_update_on_startup: false,
      model_provider: "pitaya",
      "model_providers.pitaya.name": "openai",
      "model_providers.pitaya.base_url": "https://api.openai.com/v1",
      "model_providers.pitaya.env_key": "OPENAI_API_KEY",
      "model_providers.pitaya.wire_api": "responses",
      "model_providers.pitaya.request_max_retries": 1,
      "model_providers.pitaya.stream_max_retries": 2,
      "model_providers.pitaya.stream_idle_timeout_ms": 300_000,
    });
    expect(argvOf({})).toContain("unbounded_connection_retries");
  });

  it("names the provider, its address, and the variable of its key", () => {
    const provider = { name: "mistral", keyEnv: "MISTRAL_API_KEY" };
    expect(configOf({ provider, baseUrl: "http://gateway:1/x" })).toMatchObject({
      "model_providers.pitaya.name": "mistral",
      "model_providers.pitaya.base_url": "http://gateway:1/x",
      "model_providers.pitaya.env_key": "MISTRAL_API_KEY",
    });
    const keyless = configOf({ provider: { name: "ollama" }, baseUrl: "http://10.0.0.7:1/v1" });
    expect(keyless).not.toHaveProperty("model_providers.pitaya.env_key");
  });

  it("has the prompt as typed, last, and no option", () => {
    expect(argvOf({ prompt: "-v is broken", model: "m", cliArgs: ["-i", "a"] }).slice(-6)).toEqual([
      "--model",
      "m",
      "-i",
      "a",
      "--",
      "-v is broken",
    ]);
    const resumed = argvOf({ resumeSessionId: "id" });
    expect(resumed.slice(0, 3)).toEqual(["codex", "exec", "resume"]);
    expect(resumed.slice(-3)).toEqual(["--", "id", "do it"]);
  });

  it("gives a prompt over 96 KiB by stdin", () => {
    const long = `${"é".repeat(48 * 1024)}.`;
    expect(commandOf({ prompt: long }).stdin).toBe(long);
    expect(argvOf({ prompt: long }).slice(-2)).toEqual(["--", "-"]);
    expect(commandOf({})).not.toHaveProperty("stdin");
  });

  it("tells the model beside its prompt what it is to be told, whatever is in it", () => {
    const odd = 'a "quote", a \\, a\nline, \u007f and €';
    expect(configOf({ appendSystemPrompt: odd, instruction: "commit" })).toMatchObject({
      developer_instructions: `${odd}\n\ncommit`,
    });
    expect(argvOf({ appendSystemPrompt: "\u007f" }).join()).not.toContain("\u007f");
  });

  it("gives as files what it takes in no other way", () => {
    const { argv, files } = commandOf({
      systemPrompt: "be brief",
      outputSchema: { type: "object" },
    });
    expect(files).toEqual({
      "codex-system.md": "be brief",
      "codex-output-schema.json": '{"type":"object"}',
    });
    expect(argv).toContain(`model_instructions_file="${agentFile("codex-system.md")}"`);
    expect(argv).toContain(agentFile("codex-output-schema.json"));
    expect(commandOf({})).not.toHaveProperty("files");
  });
});

describe("a task that cannot be honoured", () => {
  it.each([
    [{ prompt: " \n" }, "codex: prompt is empty"],
    [{ prompt: "a\0b" }, "codex: prompt holds a NUL character"],
    [{ maxTurns: 3 }, "codex: maxTurns: it has no limit of turns"],
    [{ appendSystemPrompt: "x".repeat(98_305) }, "codex: appendSystemPrompt is over 96 KiB"],
    [{ cliArgs: ["--cd=/"] }, "codex: cliArgs may not hold --cd: Pitaya says that itself"],
    [{ cliArgs: ["-C/tmp"] }, "codex: cliArgs may not hold -C: Pitaya says that itself"],
    [{ cliArgs: ["resume"] }, "codex: cliArgs may not hold resume: Pitaya says that itself"],
    [
      { provider: { name: "azure_openai" } },
      "codex: baseUrl: the address of the provider azure_openai is not known",
    ],
  ])("is refused by plugin and field: %o", (changes, problem) => {
    expect(codex.check({ ...task, ...changes })).toEqual([problem]);
  });

  it("is not one that it can", () => {
    const can = { outputSchema: {}, systemPrompt: "x", cliArgs: ["-c", "model_verbosity=low"] };
    expect(codex.check({ ...task, ...can, provider: { name: "groq" } })).toEqual([]);
  });
});

describe("a session", () => {
  const id = "01a205d0-5153-72b0-be77-2ccf5ddaefae";

  it("lies in one file, named by the time it began", () => {
    expect(codex.sessionFiles(id)).toEqual([`.codex/sessions/*/*/*/rollout-*-${id}.jsonl`]);
    for (const odd of ["", "*", "../x", id.toUpperCase()]) {
      expect(codex.sessionFiles(odd)).toEqual([]);
    }
  });
});

describe("a run's meaning", () => {
  const resultOf = (name: string) => readTranscript(codex.parser, transcript("codex", name)).result;

  it("is success with message, session, cost, tokens and turns", () => {
    expect(resultOf("ok")).toMatchObject({
      finalMessage: "Done: created hello.txt and committed it.",
      sessionId: "01a205cf-8751-7743-be93-2687e1d8ce2f",
      usage: { inputTokens: 1_564, outputTokens: 110, cacheReadTokens: 19_500 },
      costUsd: 0.02087,
      turns: 2,
    });
  });

  it("of a resumed thread counts what this attempt used, though the CLI tells the thread's total", () => {
    expect(resultOf("sess2-resume")).toMatchObject({
      usage: { inputTokens: 1_512, outputTokens: 55, cacheReadTokens: 9_000 },
      turns: 1,
    });
    // Without its log there is no telling them apart.
    expect(resultOf("plain-sess2-resume")).not.toHaveProperty("usage");
    expect(resultOf("plain-sess1").usage).toMatchObject({ inputTokens: 4_000, outputTokens: 110 });
  });

  it("has the cost of the model that was used, also where none was named, and else none", () => {
    expect(resultOf("default-model").costUsd).toBeCloseTo(0.006178, 6);
    expect(resultOf("unknown-model-name").usage).toBeDefined();
    expect(resultOf("unknown-model-name")).not.toHaveProperty("costUsd");
  });

  it("counts what agents of the agent used, which the CLI's own totals leave out", () => {
    expect(resultOf("subagent")).toMatchObject({
      finalMessage: "A sub-agent wrote hello.txt, and I committed it.",
      usage: { outputTokens: 6 * 55, cacheReadTokens: 60_000 },
      turns: 6,
    });
  });

  it("of an agent that was ended still has what it had used", () => {
    expect(resultOf("sigTERM")).toMatchObject({ usage: { inputTokens: 1_512 }, turns: 1 });
  });

  it.each([
    ["auth401", "credentials_refused", false],
    ["forbid403", "credentials_refused", false],
    ["billing400", "credentials_refused", false],
    ["quota429", "credentials_refused", false],
    ["failedquota", "credentials_refused", false],
    ["no-key", "credentials_refused", false],
    ["badmodel", "invalid_model", false],
    ["ctxlen", "context_too_long", false],
    ["failedcontext", "context_too_long", false],
    ["refusal", "model_refused", false],
    ["maxtokens", "agent_failed", false],
    ["rate429", "rate_limited", true],
    ["rate429long", "rate_limited", true],
    ["failedrate", "rate_limited", true],
    ["over529", "overloaded", true],
    ["failedoverloaded", "overloaded", true],
    ["err500", "provider_error", true],
    ["dropalways", "provider_unreachable", true],
    ["connection-refused", "provider_unreachable", true],
    ["unknown-flag", "agent_failed", false],
    ["plain-notgit", "agent_failed", false],
    ["unknown-session", "session_lost", true],
    ["schema-ignored", "no_result", false],
    ["sigTERM", "agent_failed", false],
  ] as const)("%s is %s", (name, code, retryable) => {
    expect(resultOf(name).failure).toMatchObject({ code, retryable });
  });

  it.each(["ok", "empty", "drop", "sseerror", "rate429once", "twotools", "schema", "subagent"])(
    "%s is success",
    (name) => expect(resultOf(name)).not.toHaveProperty("failure"),
  );

  it("knows how long to wait where the provider says so", () => {
    expect(resultOf("rate429").failure?.retryAfterMs).toBe(1_000);
    expect(resultOf("rate429long").failure?.retryAfterMs).toBe(3_600_000);
    expect(resultOf("failedrate").failure?.retryAfterMs).toBe(3_500);
    expect(resultOf("over529").failure).not.toHaveProperty("retryAfterMs");
  });

  it("says in words why it failed", () => {
    expect(resultOf("billing400").failure?.message).toBe(
      "Your credit balance is too low to access the API.",
    );
    expect(resultOf("auth401").failure?.message).toMatch(
      /401 Unauthorized: invalid x-api-key, url/,
    );
    expect(resultOf("unknown-flag").failure?.message).toMatch(/unexpected argument '--nonsense'/);
  });

  it("has an answer that keeps to a schema as JSON", () => {
    expect(resultOf("schema").output).toBe('{"score":7}');
  });
});

describe("the words a turn failed with", () => {
  const failureOf = (message: string) => {
    const parser = codex.parser(task);
    parser.push("stdout", utf8(line({ type: "turn.failed", error: { message } })));
    return parser.end({ exitCode: 1 }).result.failure;
  };
  const body = (message: string, code?: string) => JSON.stringify({ error: { message, code } });

  it.each([
    [body("Unknown parameter: 'x'."), "agent_failed", false],
    [
      body("The requested model 'gpt-9' does not exist.", "model_not_found"),
      "invalid_model",
      false,
    ],
    ["The model `gpt-9` does not exist or you do not have access to it.", "invalid_model", false],
    [body("Invalid prompt: we've limited access to this content."), "model_refused", false],
    ["stream disconnected before completion: Overloaded", "overloaded", true],
    ["stream disconnected before completion: An error occurred.", "provider_error", true],
    ["stream disconnected before completion: idle timeout", "provider_unreachable", true],
    ["You've hit your usage limit. Try again later.", "rate_limited", true],
    ["Your workspace is out of credits. Add credits.", "credentials_refused", false],
    ["unexpected status 503 Service Unavailable: busy", "overloaded", true],
    ["unexpected status 502 Bad Gateway: ?", "provider_error", true],
    ["something else", "agent_failed", false],
    ["", "agent_failed", false],
  ] as const)("%s: %s", (message, code, retryable) => {
    expect(failureOf(message)).toMatchObject({ code, retryable });
    expect(failureOf(message)?.message).not.toBe("");
  });

  it("are those of the provider, where it answered with more", () => {
    expect(failureOf(body("No.", "why_not"))?.message).toBe("No. (why_not)");
    expect(failureOf("{no json")?.message).toBe("{no json");
  });
});

describe("a log", () => {
  function read(stderr: string, stdout = "", exit: AgentExit = { exitCode: 1 }) {
    const parser = codex.parser(task);
    const records: AgentRecord[] = [
      ...parser.push("stderr", utf8(stderr)),
      ...parser.push("stdout", utf8(stdout)),
    ];
    const end = parser.end(exit);
    return { records: [...records, ...end.records], result: end.result };
  }
  const answered = (status: string, wait: string) =>
    `2026-11-23T00:08:50.500000Z DEBUG codex_http_client::client: Request completed method=POST url=http://h/v1/responses status=${status} headers={"retry-after": "${wait}"}\n`;

  it("of a long wait ends the agent, which would sit through it", () => {
    expect(read(answered("429 Too Many Requests", "60")).records).toEqual([]);
    const { records, result } = read(answered("429 Too Many Requests", "61"));
    expect(records).toEqual([{ type: "final" }]);
    expect(result.failure).toMatchObject({ code: "rate_limited", retryAfterMs: 61_000 });
  });

  it("may tell a wait by the time it is over", () => {
    const { result } = read(answered("503 Service Unavailable", "Mon, 23 Nov 2026 01:08:50 GMT"));
    expect(result.failure?.retryAfterMs).toBe(3_599_500);
  });

  it("of a wait that is over does not count", () => {
    const done = line({ type: "turn.completed", usage: { input_tokens: 5 } });
    const { result } = read(answered("429 Too Many Requests", "90"), done, { exitCode: 0 });
    expect(result).not.toHaveProperty("failure");
    expect(read(answered("200 OK", "90")).records).toEqual([]);
  });
});

describe("tools", () => {
  const records = (...items: object[]) => {
    const parser = codex.parser(task);
    return parser.push(
      "stdout",
      utf8(items.map((item) => line({ type: "item.completed", item })).join("")),
    );
  };

  it("that are told of once are a call and its result", () => {
    const change = {
      ...{ id: "i1", type: "file_change", status: "completed" },
      changes: [
        { path: "/workspace/a", kind: "add" },
        { path: "b", kind: "update" },
      ],
    };
    const mcp = {
      ...{ id: "i2", type: "mcp_tool_call", server: "docs", tool: "find", status: "failed" },
      arguments: { query: "x" },
    };
    expect(records(change, mcp)).toEqual([
      { type: "tool_call", id: "i1", tool: "apply_patch", summary: "/workspace/a, b" },
      { type: "tool_result", id: "i1", ok: true, summary: "" },
      { type: "tool_call", id: "i2", tool: "docs.find", summary: "query" },
      { type: "tool_result", id: "i2", ok: false, summary: "" },
    ]);
  });

  it("are none where the CLI warns, thinks or plans", () => {
    const types = ["error", "reasoning", "todo_list", "something_new"];
    expect(records(...types.map((type) => ({ id: "i", type, text: "t", message: "m" })))).toEqual(
      [],
    );
  });
});

import { describe, expect, it } from "vitest";
import { claudeCode } from "./claude-code.ts";
import { MAX_LINE_BYTES } from "./line-splitter.ts";
import type { AgentExit, AgentRecord, AgentTask } from "./plugin.port.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const task: AgentTask = { prompt: "do it", cliArgs: [] };

/** What is read of some output; each part is a push. */
function read(parts: readonly (string | Uint8Array)[], exit: AgentExit, stderr = "") {
  const parser = claudeCode.parser(task);
  const records: AgentRecord[] = [...parser.push("stderr", utf8(stderr))];
  for (const part of parts) {
    records.push(...parser.push("stdout", typeof part === "string" ? utf8(part) : part));
  }
  const end = parser.end(exit);
  return { records: [...records, ...end.records], result: end.result };
}

const line = (fields: object) => `${JSON.stringify(fields)}\n`;
const resultLine = (fields: object = {}) =>
  line({ type: "result", subtype: "success", is_error: false, result: "done", ...fields });

describe("a run's meaning", () => {
  it("of a resumed session in a CLI that tells totals only leaves the cost unknown", () => {
    const lines = resultLine({ total_cost_usd: 3, usage: { input_tokens: 5 } });
    const parser = claudeCode.parser({ resumeSessionId: "s" });
    parser.push("stdout", utf8(lines));
    const { result } = parser.end({ exitCode: 0 });
    expect(result).not.toHaveProperty("costUsd");
    expect(result.usage?.inputTokens).toBe(5);
    expect(read([lines], { exitCode: 0 }).result.costUsd).toBe(3);
  });

  it("stands once the result is there, however the process ended", () => {
    for (const exit of [{ signal: "TERM" }, { signal: "KILL" }, { exitCode: 143 }] as const) {
      expect(read([resultLine()], exit).result).toMatchObject({ finalMessage: "done" });
      expect(read([resultLine()], exit).result).not.toHaveProperty("failure");
    }
  });

  it("is that of the last turn where there were several", () => {
    const failed = resultLine({ is_error: true, api_error_status: 529, result: "Overloaded" });
    const bad = read([resultLine(), failed], { exitCode: 1 }).result;
    expect(bad).toMatchObject({ finalMessage: "done", failure: { code: "overloaded" } });
    expect(read([failed, resultLine()], { exitCode: 0 }).result).not.toHaveProperty("failure");
  });

  it("of an odd name is a failure like any other", () => {
    const odd = resultLine({ is_error: true, subtype: "constructor", api_error_type: "toString" });
    expect(read([odd], { exitCode: 1 }).result.failure?.code).toBe("agent_failed");
  });

  it("without a result is a failure whatever the exit status", () => {
    expect(read([], { exitCode: 0 }).result.failure?.code).toBe("no_result");
    expect(read([], { signal: "TERM" }).result.failure?.retryable).toBe(false);
    for (const signal of ["KILL", "SIGKILL"]) {
      const killed = read([], { signal }).result.failure;
      expect(killed).toMatchObject({ code: "agent_failed", retryable: true });
      expect(killed?.message).toContain(signal);
    }
    expect(read([], { exitCode: 2 }, "Error: it broke\n").result.failure).toEqual({
      code: "agent_failed",
      message: "it exited with status 2: Error: it broke",
      retryable: false,
    });
    expect(read([], { exitCode: 127 }).result.failure?.code).toBe("image_unusable");
  });
});

describe("an answer that is to keep to a schema", () => {
  const outputOf = (fields: object, outputSchema?: object) => {
    const parser = claudeCode.parser(outputSchema ? { outputSchema: {} } : {});
    parser.push("stdout", utf8(resultLine(fields)));
    return parser.end({ exitCode: 0 }).result;
  };

  it("is the result's own, as JSON", () => {
    const found = outputOf({ structured_output: { score: 7 } }, {});
    expect(found).toMatchObject({ finalMessage: "done", output: '{"score":7}' });
    expect(found).not.toHaveProperty("failure");
    expect(outputOf({ structured_output: { score: 7 } })).not.toHaveProperty("output");
  });

  it("fails the agent where there is none", () => {
    expect(outputOf({}, {}).failure).toMatchObject({ code: "no_result", retryable: false });
    const refused = outputOf({ is_error: true, api_error_status: 529 }, {});
    expect(refused.failure?.code).toBe("overloaded");
  });
});

describe("a session", () => {
  const id = "0a1b2c3d-0000-4000-8000-00000000abcd";

  it("lies in one file below the agent's home", () => {
    expect(claudeCode.sessionFiles(id)).toEqual([`.claude/projects/-workspace/${id}.jsonl`]);
  });

  it.each(["../../.ssh/id", "", "a/b", id.toUpperCase(), `${id}\n`])("is not one: %j", (odd) => {
    expect(claudeCode.sessionFiles(odd)).toEqual([]);
  });

  const resumed = (stdout: string, exit: AgentExit, stderr = "") => {
    const parser = claudeCode.parser({ resumeSessionId: id });
    parser.push("stdout", utf8(stdout));
    parser.push("stderr", utf8(stderr));
    return parser.end(exit).result.failure;
  };
  const init = line({ type: "system", subtype: "init", session_id: id });

  it("that cannot be opened is lost, and the next attempt starts over", () => {
    const unknown = `No conversation found with session ID: ${id}`;
    const result = resultLine({ subtype: "error_during_execution", errors: [unknown] });
    const lost = { code: "session_lost", retryable: true };
    expect(resumed(result, { exitCode: 1 })).toMatchObject(lost);
    expect(resumed("", { exitCode: 1 }, `${unknown}\n`)).toMatchObject(lost);
    expect(resumed("", { exitCode: 1 }, "SyntaxError: Unexpected end of JSON\n")).toMatchObject(
      lost,
    );
  });

  it("that was opened is not lost when the agent fails later", () => {
    expect(resumed(init, { exitCode: 1 })?.code).toBe("agent_failed");
    expect(resumed("", { signal: "TERM" })?.code).toBe("agent_failed");
    expect(resumed("", { exitCode: 127 })?.code).toBe("image_unusable");
  });
});

describe("tokens of a message", () => {
  const usage = { input_tokens: 10, output_tokens: 1 };
  const block = (id: string, text: string) =>
    line({ type: "assistant", message: { id, content: [{ type: "text", text }], usage } });
  const usagesOf = (records: readonly AgentRecord[]) =>
    records.flatMap((record) => (record.type === "usage" ? [record.usage.inputTokens] : []));

  it("count once, though it comes in a line for each block", () => {
    const { records } = read([block("m1", "a") + block("m1", "b") + block("m2", "c")], {
      exitCode: 0,
    });
    expect(usagesOf(records)).toEqual([10, 20]);
  });

  it("are corrected by the result", () => {
    const models = { m: { inputTokens: 25, outputTokens: 90, costUSD: 0.5 } };
    const end = resultLine({ model_usage_since_last_result: models });
    const { records, result } = read([block("m1", "a"), block("m2", "b"), end], { exitCode: 0 });
    expect(usagesOf(records)).toEqual([10, 20, 25]);
    expect(result).toMatchObject({ usage: { inputTokens: 25, outputTokens: 90 }, costUsd: 0.5 });
  });
});

describe("output that is not what it should be", () => {
  it("is reported by line, and read on from", () => {
    const { records, result } = read(["warning: something\n[1]\n{}\n{broken\n\n", resultLine()], {
      exitCode: 0,
    });
    expect(records.slice(0, 4)).toMatchObject([
      { type: "unreadable", line: 1, excerpt: "warning: something", reason: "not a JSON object" },
      { type: "unreadable", line: 2 },
      { type: "unreadable", line: 3, reason: "it has no type" },
      { type: "unreadable", line: 4 },
    ]);
    expect(result.finalMessage).toBe("done");
  });

  it("and too long for a line is reported with its beginning", () => {
    const long = new Uint8Array(MAX_LINE_BYTES + 1).fill(0x78);
    const { records, result } = read([long, long.subarray(0, 1_000_000), "\n", resultLine()], {
      exitCode: 0,
    });
    expect(records).toMatchObject([
      { type: "unreadable", line: 1, excerpt: "x".repeat(200) },
      { type: "usage" },
      { type: "final" },
    ]);
    expect(result.finalMessage).toBe("done");
  });

  it("for many lines is told as a number", () => {
    const { records } = read(["x\n".repeat(100_000)], { exitCode: 0 });
    expect(records).toHaveLength(101);
    expect(records.at(-1)).toMatchObject({ line: 100_000, reason: "and 99900 more lines" });
  });

  it("in one field costs that field only", () => {
    const odd = resultLine({ usage: "many", num_turns: -1, errors: {} });
    expect(read([odd], { exitCode: 0 }).result).toMatchObject({ finalMessage: "done", turns: 0 });
  });

  it("and nested without end does not end the reader", () => {
    const deep = `{"type":"assistant","message":{"content":[{"type":"tool_use","name":"X","input":{"a":${"[".repeat(500_000)}${"]".repeat(500_000)}}}]}}\n`;
    const { records } = read([deep, resultLine()], { exitCode: 0 });
    expect(records[0]).toMatchObject({ type: "tool_call", tool: "X", summary: "a" });
  });

  it("with figures beyond counting is still one that can be sent", () => {
    const usage = { input_tokens: Number.MAX_SAFE_INTEGER };
    const lines = [1, 2, 3].map((id) =>
      line({ type: "assistant", message: { id: `m${id}`, content: [], usage } }),
    );
    expect(read(lines, { exitCode: 0 }).result.usage?.inputTokens).toBe(Number.MAX_SAFE_INTEGER);
  });

  it("cut in the middle of a character stays text", () => {
    const text = "😀".repeat(3_000);
    const said = line({ type: "assistant", message: { content: [{ type: "text", text }] } });
    const [message] = read([said], { exitCode: 0 }).records;
    expect(message).toMatchObject({ type: "message" });
    expect(JSON.stringify(message).isWellFormed() && JSON.stringify(message)).not.toContain("\\ud");
  });
});

describe("the command line", () => {
  const argvOf = (changes: Partial<AgentTask>) => claudeCode.command({ ...task, ...changes }).argv;

  it("asks for what is read, in the order the CLI wants it", () => {
    expect(
      argvOf({
        model: "sonnet",
        systemPrompt: "be brief",
        appendSystemPrompt: "also",
        instruction: "commit",
        maxTurns: 3,
        outputSchema: { type: "object" },
        resumeSessionId: "s1",
        cliArgs: ["--allowedTools", "Bash", "Edit"],
      }),
    ).toEqual([
      ...["claude", "-p", "--output-format", "stream-json", "--verbose"],
      "--dangerously-skip-permissions",
      ...["--model", "sonnet", "--system-prompt", "be brief"],
      ...["--append-system-prompt", "also\n\ncommit", "--max-turns", "3"],
      ...["--json-schema", '{"type":"object"}'],
      ...["--resume", "s1", "--allowedTools", "Bash", "Edit", "--", "do it"],
    ]);
  });

  it("keeps a prompt from being an option, or one of an option's values", () => {
    expect(argvOf({ prompt: "-v is broken" }).slice(-2)).toEqual(["--", "-v is broken"]);
    expect(argvOf({ cliArgs: ["--add-dir", "x"] }).slice(-3)).toEqual(["x", "--", "do it"]);
  });

  it("gives a prompt over 96 KiB by stdin", () => {
    const [largest, larger] = ["é".repeat(48 * 1024), `${"é".repeat(48 * 1024)}.`];
    expect(argvOf({ prompt: largest }).at(-1)).toBe(largest);
    const command = claudeCode.command({ ...task, prompt: larger });
    expect(command.stdin).toBe(larger);
    expect(command.argv.at(-1)).toBe("--dangerously-skip-permissions");
  });

  it("holds no credential, few retries, and the provider's address where there is one", () => {
    const { env } = claudeCode.command({ ...task, baseUrl: "http://host:1/x" });
    expect(env).toEqual({
      ANTHROPIC_BASE_URL: "http://host:1/x",
      API_TIMEOUT_MS: "300000",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_MAX_RETRIES: "2",
      CLAUDE_CONFIG_DIR: "/home/agent/.claude",
      DISABLE_AUTOUPDATER: "1",
    });
    expect(claudeCode.command(task).env).not.toHaveProperty("ANTHROPIC_BASE_URL");
  });
});

describe("a task that cannot be honoured", () => {
  it.each([
    [{ prompt: " \n" }, "claude-code: prompt is empty"],
    [{ prompt: "a\0b" }, "claude-code: prompt holds a NUL character"],
    [{ appendSystemPrompt: "x".repeat(98_305) }, "claude-code: appendSystemPrompt is over 96 KiB"],
    [{ maxTurns: 0 }, "claude-code: maxTurns is not a positive whole number"],
    [
      { cliArgs: ["--output-format=text"] },
      "claude-code: cliArgs may not hold --output-format: Pitaya says that itself",
    ],
    [{ cliArgs: ["--"] }, "claude-code: cliArgs may not hold --: Pitaya says that itself"],
  ])("is refused by plugin and field: %o", (changes, problem) => {
    expect(claudeCode.check({ ...task, ...changes })).toEqual([problem]);
  });

  it("is not one that it can", () => {
    expect(claudeCode.check({ ...task, maxTurns: 3, cliArgs: ["--effort", "high"] })).toEqual([]);
  });
});

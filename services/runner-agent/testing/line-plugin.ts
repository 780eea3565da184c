import type { AgentPlugin, AgentRecord, AgentResult, OutputParser } from "@pitaya/plugins";

/**
 * A plugin for tests, with an output as simple as can be, a line each: `session <id>`, `say <text>`,
 * `done <text>`
 * for the last word, `refused` for an agent that says why it failed; anything else is unreadable.
 */
export const linePlugin: AgentPlugin = {
  name: "line",
  defaultImage: "line-image",
  baseUrlSource: "LINE_BASE_URL",
  credentials: [{ mode: "api", flag: "api-key", source: "LINE_KEY", env: "LINE_KEY" }],
  capabilities: { resume: true, cost: true, tokens: true, maxTurns: false, outputSchema: false },
  check: (task) => (task.model === "none" ? ["line: it has no model named none."] : []),
  command: (task) => ({
    argv: [
      "line",
      ...task.cliArgs,
      ...(task.resumeSessionId === undefined ? [] : ["--resume", task.resumeSessionId]),
      task.prompt,
    ],
    env: task.baseUrl === undefined ? {} : { LINE_BASE_URL: task.baseUrl },
  }),
  sessionFiles: (sessionId) => [`talk/${sessionId}`],
  parser: lineParser,
};

function lineParser(): OutputParser {
  const decoder = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const rest = { stdout: "", stderr: "" };
  let result: AgentResult | undefined;
  let lines = 0;

  function read(line: string): AgentRecord {
    lines += 1;
    const [word, ...words] = line.split(" ");
    const text = words.join(" ");
    if (word === "session") return { type: "session", sessionId: text };
    if (word === "say") return { type: "message", text };
    if (word === "refused") {
      result = { failure: { code: "rate_limited", message: `refused ${text}`, retryable: true } };
      return { type: "final" };
    }
    if (word !== "done") {
      return { type: "unreadable", line: lines, excerpt: line.slice(0, 200), reason: "no word" };
    }
    const usage = { inputTokens: 3, outputTokens: 2, cacheReadTokens: 0, cacheWriteTokens: 0 };
    result = { finalMessage: text, sessionId: "session-1", costUsd: 0.25, turns: lines, usage };
    return { type: "final" };
  }

  return {
    push(stream, bytes) {
      const text = rest[stream] + decoder[stream].decode(bytes, { stream: true });
      const whole = text.split("\n");
      rest[stream] = whole.pop() ?? "";
      return stream === "stdout" ? whole.map(read) : [];
    },
    end(exit) {
      const records = rest.stdout === "" ? [] : [read(rest.stdout)];
      if (result !== undefined || !("exitCode" in exit) || exit.exitCode !== 0) {
        return { records, result: result ?? {} };
      }
      const failure = { code: "no_result", message: "It said nothing.", retryable: false } as const;
      return { records, result: { failure } };
    },
  };
}

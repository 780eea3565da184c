import { z } from "zod";
import { type ClaudeFailure, classifyClaude } from "./claude-code-errors.ts";
import { lineSplitter, type SplitLine } from "./line-splitter.ts";
import type {
  AgentExit,
  AgentFailure,
  AgentRecord,
  AgentResult,
  OutputParser,
  TokenUsage,
} from "./plugin.port.ts";

/** Longest text of one record. */
const MAX_TEXT = 4_000;
const MAX_STDERR_TAIL = 2_000;

const Tokens = z.looseObject({
  input_tokens: z.number().nullish(),
  output_tokens: z.number().nullish(),
  cache_read_input_tokens: z.number().nullish(),
  cache_creation_input_tokens: z.number().nullish(),
});
const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  content: z.unknown().optional(),
  is_error: z.boolean().nullish(),
});
const Line = z.looseObject({
  type: z.string(),
  subtype: z.string().optional(),
  session_id: z.string().optional(),
  model: z.string().optional(),
  message: z
    .looseObject({
      id: z.string().optional(),
      content: z.union([z.string(), z.array(Block)]).optional(),
      usage: Tokens.nullish(),
    })
    .optional(),
  attempt: z.number().optional(),
  retry_delay_ms: z.number().optional(),
  error: z.unknown().optional(),
  error_status: z.number().nullish(),
  is_error: z.boolean().optional(),
  result: z.string().optional(),
  errors: z.array(z.unknown()).optional(),
  result_index: z.number().optional(),
  api_error_status: z.number().nullish(),
  api_error_type: z.string().nullish(),
  terminal_reason: z.string().nullish(),
  stop_reason: z.string().nullish(),
  num_turns: z.number().optional(),
  total_cost_usd: z.number().optional(),
  usage: Tokens.nullish(),
});
type Line = z.infer<typeof Line>;

const cut = (text: string) => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);

const count = (value: number | null | undefined): number =>
  value === null || value === undefined || !Number.isFinite(value)
    ? 0
    : Math.max(0, Math.trunc(value));

const usageOf = (tokens: z.infer<typeof Tokens>): TokenUsage => ({
  inputTokens: count(tokens.input_tokens),
  outputTokens: count(tokens.output_tokens),
  cacheReadTokens: count(tokens.cache_read_input_tokens),
  cacheWriteTokens: count(tokens.cache_creation_input_tokens),
});

const plus = (a: TokenUsage, b: TokenUsage): TokenUsage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
});

const NO_TOKENS: TokenUsage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
};

/** What a tool is asked to do, in a line: its command, file or pattern, else its input. */
function summaryOf(input: unknown): string {
  const found = z
    .looseObject({
      command: z.string().optional(),
      file_path: z.string().optional(),
      pattern: z.string().optional(),
      description: z.string().optional(),
    })
    .safeParse(input);
  const named = found.success
    ? (found.data.command ?? found.data.file_path ?? found.data.pattern ?? found.data.description)
    : undefined;
  return cut(named ?? JSON.stringify(input ?? {}));
}

const textOf = (content: unknown): string => {
  if (typeof content === "string") return content;
  const blocks = z.array(z.looseObject({ text: z.string().optional() })).safeParse(content);
  return blocks.success ? blocks.data.map((block) => block.text ?? "").join("\n") : "";
};

/** Reads `claude -p --output-format stream-json --verbose`. */
export function claudeStreamParser(options: { readonly resumed: boolean }): OutputParser {
  const stdout = lineSplitter();
  const stderrDecoder = new TextDecoder();
  let stderr = "";
  let sessionId: string | undefined;
  /** Messages whose tokens were counted: a message comes in several lines, one a content block. */
  const counted = new Set<string>();
  let live = NO_TOKENS;
  let lastError: string | undefined;
  const results: Line[] = [];

  const fail = (line: Line): AgentFailure => {
    const failure: ClaudeFailure = {
      subtype: line.subtype ?? "",
      status: line.api_error_status ?? undefined,
      kind: lastError ?? line.api_error_type ?? undefined,
      terminalReason: line.terminal_reason ?? undefined,
      stopReason: line.stop_reason ?? undefined,
      message:
        cut(line.result ?? (line.errors ?? []).map(String).join("; ")) || line.subtype || "failed",
    };
    return classifyClaude(failure);
  };

  function assistant(line: Line): AgentRecord[] {
    const records: AgentRecord[] = [];
    if (typeof line.error === "string") lastError = line.error;
    const { content, id, usage } = line.message ?? {};
    for (const block of typeof content === "string"
      ? [{ type: "text", text: content }]
      : (content ?? [])) {
      if (block.type === "text" && block.text)
        records.push({ type: "message", text: cut(block.text) });
      if (block.type === "tool_use") {
        const { id: call = "", name: tool = "tool", input } = block as z.infer<typeof Block>;
        records.push({ type: "tool_call", id: call, tool, summary: summaryOf(input) });
      }
    }
    if (usage && id !== undefined && !counted.has(id)) {
      counted.add(id);
      live = plus(live, usageOf(usage));
      records.push({ type: "usage", usage: live });
    }
    return records;
  }

  function user(line: Line): AgentRecord[] {
    const { content } = line.message ?? {};
    if (content === undefined || typeof content === "string") return [];
    return content.flatMap((block): AgentRecord[] =>
      block.type === "tool_result"
        ? [
            {
              type: "tool_result",
              id: block.tool_use_id ?? "",
              ok: block.is_error !== true,
              summary: cut(textOf(block.content)),
            },
          ]
        : [],
    );
  }

  function read(line: Line): AgentRecord[] {
    if (line.type === "system" && line.subtype === "init" && line.session_id !== undefined) {
      if (sessionId === line.session_id) return [];
      sessionId = line.session_id;
      const model = line.model === undefined ? {} : { model: line.model };
      return [{ type: "session", sessionId, ...model }];
    }
    if (line.type === "system" && line.subtype === "api_retry") {
      const reason =
        `${line.error_status ?? ""} ${typeof line.error === "string" ? line.error : ""}`.trim();
      return [
        {
          type: "retry",
          attempt: count(line.attempt),
          delayMs: count(line.retry_delay_ms),
          reason,
        },
      ];
    }
    if (line.type === "assistant") return assistant(line);
    if (line.type === "user") return user(line);
    if (line.type !== "result") return [];
    results.push(line);
    sessionId ??= line.session_id;
    return [{ type: "final" }];
  }

  function readLine(line: SplitLine): AgentRecord[] {
    const unreadable = (excerpt: string, reason: string): AgentRecord[] => [
      { type: "unreadable", line: line.number, excerpt: excerpt.slice(0, 200), reason },
    ];
    if ("tooLong" in line) return unreadable(line.tooLong, "longer than a line may be");
    if (line.text.trim() === "") return [];
    let json: unknown;
    try {
      json = JSON.parse(line.text);
    } catch {
      return unreadable(line.text, "not JSON");
    }
    const parsed = Line.safeParse(json);
    if (!parsed.success) return unreadable(line.text, z.prettifyError(parsed.error).slice(0, 300));
    return read(parsed.data);
  }

  return {
    push(stream, bytes) {
      if (stream === "stdout") return stdout.push(bytes).flatMap(readLine);
      stderr = (stderr + stderrDecoder.decode(bytes, { stream: true })).slice(-MAX_STDERR_TAIL);
      return [];
    },
    end(exit) {
      const records = stdout.end().flatMap(readLine);
      return { records, result: resultOf(exit) };
    },
  };

  function resultOf(exit: AgentExit): AgentResult {
    // Background sub-agents add results; the first one carries the agent's own words.
    const own = results.find((line) => (line.result_index ?? 0) === 0) ?? results[0];
    const bad = results.find((line) => line.is_error === true || line.subtype !== "success");
    const last = results.at(-1);
    const usage = results.reduce<TokenUsage | undefined>(
      (sum, line) => (line.usage ? plus(sum ?? NO_TOKENS, usageOf(line.usage)) : sum),
      undefined,
    );
    const counted = usage ?? (live === NO_TOKENS ? undefined : live);
    // A resumed session's cost is the session's, not this attempt's: unknown rather than wrong.
    const costUsd = options.resumed ? undefined : last?.total_cost_usd;
    const turns = results.reduce((sum, line) => sum + count(line.num_turns), 0);
    const failure = bad ? fail(bad) : failureOfExit(exit, own !== undefined);
    return {
      ...(own?.result === undefined || own.is_error ? {} : { finalMessage: own.result }),
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(counted === undefined ? {} : { usage: counted }),
      ...(costUsd === undefined || !(costUsd >= 0) ? {} : { costUsd }),
      ...(results.length === 0 ? {} : { turns }),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  function failureOfExit(exit: AgentExit, hasResult: boolean): AgentFailure | undefined {
    if (hasResult && (!("exitCode" in exit) || exit.exitCode === 0)) return undefined;
    const tail = stderr.trim();
    if ("signal" in exit) {
      return { code: "agent_failed", message: `ended by ${exit.signal}`, retryable: false };
    }
    if (exit.exitCode === 0) {
      return { code: "no_result", message: "the agent exited without a result", retryable: false };
    }
    const said = tail === "" ? "and said nothing on stderr" : tail;
    return {
      code: "agent_failed",
      message: `exit status ${exit.exitCode}: ${said}`,
      retryable: false,
    };
  }
}

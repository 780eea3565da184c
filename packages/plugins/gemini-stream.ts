import { failureOfEnd, failureOfResult } from "./gemini-errors.ts";
import {
  ErrorLine,
  Init,
  Message,
  Result,
  type Stats,
  type Tokens,
  ToolResult,
  ToolUse,
} from "./gemini-lines.ts";
import { jsonLines } from "./json-lines.ts";
import { lineSplitter, type SplitLine } from "./line-splitter.ts";
import { cutText, inputSummary, joinedText, MAX_SUMMARY, MAX_TEXT } from "./output-text.ts";
import type { AgentRecord, OutputParser, TokenUsage } from "./plugin.port.ts";
import { costOfAll } from "./prices.ts";
import { stderrTail } from "./stderr-tail.ts";
import { addTokens, NO_TOKENS } from "./token-usage.ts";

/** What it tells of a request that it makes again, in one line or in several. */
const FAILED = /^Attempt (\d{1,6}) failed(?: with status (\d{3}))?[:.]? ?(.*)/;
const RETRYING = /Retrying (?:after (\d{1,9})ms|with backoff)/;
/** The names of its errors, at the beginning of what it writes about one. */
const ERROR_NAME = /^Error when talking to Gemini API .* (\w{1,60}Error): /;

const count = (value: number | undefined) => Math.trunc(value ?? 0);

/** Thoughts are output, and only the total has them. */
function usageOf(tokens: Tokens): TokenUsage {
  const input = count(tokens.input_tokens);
  const cached = Math.min(count(tokens.cached), input);
  return {
    inputTokens: input - cached,
    outputTokens: Math.max(count(tokens.output_tokens), count(tokens.total_tokens) - input),
    cacheReadTokens: cached,
    cacheWriteTokens: 0,
  };
}

/** Of all models: beside the agent's own the CLI asks a small one how hard the task is. */
function spentIn(stats: Stats): { readonly usage: TokenUsage; readonly costUsd?: number } {
  const models = Object.entries(stats.models ?? {}).map(([model, tokens]) => ({
    model,
    usage: usageOf(tokens),
  }));
  if (models.length === 0) return { usage: usageOf(stats) };
  let costUsd: number | undefined = 0;
  for (const { model, usage } of models) {
    const cost = Object.values(usage).some((tokens) => tokens > 0) ? costOfAll(model, usage) : 0;
    costUsd = cost === undefined || costUsd === undefined ? undefined : costUsd + cost;
  }
  const usage = models.map((each) => each.usage).reduce(addTokens, NO_TOKENS);
  return { usage, ...(costUsd !== undefined && { costUsd }) };
}

/**
 * Reads `gemini --output-format stream-json`.
 *
 * A message of the model comes in pieces, and is over when something else comes. Tokens are told at
 * the end, for this process alone; repeated requests on stderr.
 */
export function geminiStreamParser(options: { readonly resumed: boolean }): OutputParser {
  const lines = jsonLines(read);
  const stderrLines = lineSplitter();
  const stderr = stderrTail();
  let retrying: { attempt: number; reason: string } | undefined;
  let errorName: string | undefined;
  let sessionId: string | undefined;
  /** Of a conversation that is none yet: before the model's first word the CLI keeps nothing of it. */
  let unheard: AgentRecord | undefined;
  /** Of the message that is not over. */
  let pieces: ReturnType<typeof joinedText> | undefined;
  let finalMessage: string | undefined;
  let errorMessage: string | undefined;
  let isModelsTurn = false;
  let turns = 0;
  let spent: Partial<ReturnType<typeof spentIn>> = {};
  let ended: Result | undefined;

  function messageEnd(): AgentRecord[] {
    if (pieces === undefined) return [];
    finalMessage = pieces.text();
    pieces = undefined;
    return finalMessage.trim() === ""
      ? []
      : [{ type: "message", text: cutText(finalMessage, MAX_TEXT) }];
  }

  function modelSpeaks(): AgentRecord[] {
    if (!isModelsTurn) turns += 1;
    isModelsTurn = true;
    const session = unheard;
    unheard = undefined;
    return session === undefined ? [] : [session];
  }

  function readMessage({ role, content = "" }: ReturnType<typeof Message.parse>): AgentRecord[] {
    if (role !== "assistant") {
      isModelsTurn = false;
      return messageEnd();
    }
    const session = modelSpeaks();
    pieces ??= joinedText();
    pieces.push(content);
    return session;
  }

  function readResult(line: Result): AgentRecord[] {
    ended = line;
    if (line.stats === undefined) return [{ type: "final" }];
    const found = spentIn(line.stats);
    spent = found;
    return [{ type: "usage", usage: found.usage }, { type: "final" }];
  }

  function read(type: string, json: object): readonly AgentRecord[] {
    if (type === "message") return readMessage(Message.parse(json));
    const before = messageEnd();
    if (type === "init") {
      const { session_id, model } = Init.parse(json);
      sessionId = session_id;
      unheard = { type: "session", sessionId, ...(model !== undefined && { model }) };
      if (!options.resumed) return before;
      const session = unheard;
      unheard = undefined;
      return [...before, session];
    }
    if (type === "tool_use") {
      const { tool_id = "", tool_name = "", parameters } = ToolUse.parse(json);
      const session = modelSpeaks();
      const summary = inputSummary(parameters);
      return [...before, ...session, { type: "tool_call", id: tool_id, tool: tool_name, summary }];
    }
    if (type === "tool_result") {
      const { tool_id = "", status, output, error } = ToolResult.parse(json);
      isModelsTurn = false;
      const summary = cutText(output || error?.message || "", MAX_SUMMARY);
      return [...before, { type: "tool_result", id: tool_id, ok: status === "success", summary }];
    }
    if (type === "error") errorMessage = ErrorLine.parse(json).message;
    return type === "result" ? [...before, ...readResult(Result.parse(json))] : before;
  }

  function readStderr(line: SplitLine): AgentRecord[] {
    if ("tooLong" in line) return [];
    errorName = ERROR_NAME.exec(line.text)?.[1] ?? errorName;
    const [, attempt, status, said = ""] = FAILED.exec(line.text) ?? [];
    if (attempt !== undefined) {
      retrying = { attempt: Number(attempt), reason: status ?? said.split(" Retrying")[0] ?? "" };
    }
    const again = RETRYING.exec(line.text);
    if (again === null || retrying === undefined) return [];
    const reason = cutText(retrying.reason, MAX_SUMMARY);
    const { attempt: number } = retrying;
    retrying = undefined;
    return [{ type: "retry", attempt: number, delayMs: Number(again[1] ?? 0), reason }];
  }

  return {
    push(stream, bytes) {
      if (stream === "stdout") return lines.push(bytes);
      stderr.push(bytes);
      return stderrLines.push(bytes).flatMap(readStderr);
    },
    end(exit) {
      const records = [...stderrLines.end().flatMap(readStderr), ...lines.end(), ...messageEnd()];
      // A result stands however the process ended: it may have been ended for not ending.
      // What stderr tells of it may come after it.
      const failure = ended
        ? failureOfResult(ended, { errorName, message: errorMessage })
        : failureOfEnd(exit, stderr.text(), options.resumed && sessionId === undefined);
      return {
        records,
        result: {
          ...(finalMessage !== undefined && failure === undefined && { finalMessage }),
          ...(sessionId !== undefined && unheard === undefined && { sessionId }),
          ...spent,
          ...(turns > 0 && { turns }),
          ...(failure !== undefined && { failure }),
        },
      };
    },
  };
}

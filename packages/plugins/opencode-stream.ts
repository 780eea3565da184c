import { jsonLines } from "./json-lines.ts";
import { lineSplitter, type SplitLine } from "./line-splitter.ts";
import { failureOfEnd, failureOfError, failureOfLog, failureOfReason } from "./opencode-errors.ts";
import { ErrorLine, Line, StepFinish, TextPart, type Tokens, ToolPart } from "./opencode-lines.ts";
import { cutText, inputSummary, MAX_SUMMARY, MAX_TEXT } from "./output-text.ts";
import type { AgentFailure, AgentRecord, OutputParser, TokenUsage } from "./plugin.port.ts";
import { stderrTail } from "./stderr-tail.ts";
import { addTokens, NO_TOKENS } from "./token-usage.ts";

/** How its log tells of a request that failed, whether it makes it again or not. */
const STREAM_ERROR = / level=ERROR .*?message="stream error".*? error\.error="(.*)"/;
/** Of the agent itself: while it waits nothing else is done. A sub-agent works, and fails, in silence. */
const OF_AGENT = / small=false .*? mode=primary /;
const MAX_ANSWER = 256 * 1024;

const count = (value: number | undefined) => Math.trunc(value ?? 0);

const usageOf = ({ input, output, reasoning, cache }: Tokens): TokenUsage => ({
  inputTokens: count(input),
  outputTokens: Math.min(count(output) + count(reasoning), Number.MAX_SAFE_INTEGER),
  cacheReadTokens: count(cache?.read),
  cacheWriteTokens: count(cache?.write),
});

/** Longer than that it was silent, after a request that it was told to make later. */
const LEAST_WAIT_MS = 60_000;

const putOff = (failure: AgentFailure): AgentFailure =>
  failure.code === "rate_limited" || failure.code === "overloaded"
    ? { ...failure, retryAfterMs: LEAST_WAIT_MS }
    : failure;

/**
 * Reads `opencode run --format json`.
 *
 * There is no line for the result: the run is over with an answer that calls no tool, or an error.
 * Tokens and cost stand with each answer. A model that the CLI has no price of costs 0 in its eyes,
 * which is unknown. So is the cost of all where there was a sub-agent: nothing is told of its answers.
 */
export function opencodeStreamParser(options: { readonly resumed: boolean }): OutputParser {
  const lines = jsonLines(read);
  const stderrLines = lineSplitter();
  const stderr = stderrTail();
  let failedRequests = 0;
  let refusals = 0;
  let sessionId: string | undefined;
  let finalMessage: string | undefined;
  let usage: TokenUsage | undefined;
  let costUsd = 0;
  let turns = 0;
  let hadSubagent = false;
  let end: { readonly failure: AgentFailure | undefined } | undefined;
  /** Of the request it is about to make again: it waits as long as the provider likes. */
  let pending: AgentFailure | undefined;

  function readText(json: object): AgentRecord[] {
    const { text = "" } = TextPart.parse(json).part;
    if (text.trim() === "") return [];
    finalMessage = text.slice(-MAX_ANSWER).toWellFormed();
    return [{ type: "message", text: cutText(text, MAX_TEXT) }];
  }

  function readTool(json: object): AgentRecord[] {
    const { callID: id = "", tool = "", state } = ToolPart.parse(json).part;
    const said = state.output || state.error || "";
    const ok = state.status === "completed";
    if (state.metadata?.sessionId !== undefined) hadSubagent = true;
    return [
      { type: "tool_call", id, tool, summary: inputSummary(state.input) },
      { type: "tool_result", id, ok, summary: cutText(said, MAX_SUMMARY) },
    ];
  }

  function readStep(json: object): AgentRecord[] {
    const { reason = "", tokens, cost = 0 } = StepFinish.parse(json).part;
    turns += 1;
    costUsd += cost;
    if (tokens !== undefined) usage = addTokens(usage ?? NO_TOKENS, usageOf(tokens));
    const records: AgentRecord[] = usage === undefined ? [] : [{ type: "usage", usage }];
    if (reason === "tool-calls") return records;
    end = { failure: failureOfReason(reason) };
    return [...records, { type: "final" }];
  }

  function readError(json: object): AgentRecord[] {
    end = { failure: failureOfError(ErrorLine.parse(json)) };
    return [{ type: "final" }];
  }

  function readPart(type: string, json: object): AgentRecord[] {
    if (type === "step_start") end = undefined;
    if (type === "text") return readText(json);
    if (type === "tool_use") return readTool(json);
    if (type === "step_finish") return readStep(json);
    return type === "error" ? readError(json) : [];
  }

  function read(type: string, json: object): readonly AgentRecord[] {
    pending = undefined;
    const records = readPart(type, json);
    const { sessionID } = Line.parse(json);
    if (sessionId !== undefined || sessionID === undefined) return records;
    sessionId = sessionID;
    return [{ type: "session", sessionId }, ...records];
  }

  /** Only the next failure tells that there was another try. */
  function readStderr(line: SplitLine): AgentRecord[] {
    const text = "text" in line ? line.text : "";
    const found = STREAM_ERROR.exec(text);
    if (found === null) return [];
    failedRequests += 1;
    const reason = cutText(found[1] ?? "", MAX_SUMMARY);
    if (OF_AGENT.test(text)) {
      pending = failureOfLog(reason);
      refusals += 1;
    }
    if (failedRequests === 1) return [];
    return [{ type: "retry", attempt: failedRequests - 1, delayMs: 0, reason }];
  }

  return {
    get refusals() {
      return refusals;
    },
    push(stream, bytes) {
      if (stream === "stdout") return lines.push(bytes);
      stderr.push(bytes);
      return stderrLines.push(bytes).flatMap(readStderr);
    },
    end(exit) {
      const records = [...stderrLines.end().flatMap(readStderr), ...lines.end()];
      const isUnopened = options.resumed && sessionId === undefined;
      const wasWaiting = "signal" in exit && pending ? putOff(pending) : undefined;
      const failure = end
        ? end.failure
        : (wasWaiting ?? failureOfEnd(exit, stderr.text(), isUnopened));
      return {
        records,
        result: {
          ...(finalMessage !== undefined && failure === undefined && { finalMessage }),
          ...(sessionId !== undefined && { sessionId }),
          ...(usage !== undefined && { usage }),
          ...(costUsd > 0 && !hadSubagent && { costUsd }),
          ...(turns > 0 && { turns }),
          ...(failure !== undefined && { failure }),
        },
      };
    },
  };
}

import { failureOfTurn } from "./codex-errors.ts";
import {
  ErrorLine,
  type Item,
  ItemLine,
  isDone,
  ThreadStarted,
  TurnCompleted,
  TurnFailed,
  toolOf,
} from "./codex-lines.ts";
import { codexLog, type LoggedResponse, type LoggedWait, usageOf } from "./codex-log.ts";
import { failureOfExit } from "./exit-failure.ts";
import { jsonLines } from "./json-lines.ts";
import { cutText, inputSummary, MAX_SUMMARY, MAX_TEXT } from "./output-text.ts";
import type { AgentFailure, AgentRecord, OutputParser, TokenUsage } from "./plugin.port.ts";
import { costOf } from "./prices.ts";
import { addTokens, NO_TOKENS } from "./token-usage.ts";

/** A wait that is worth a slot. The CLI would sit through any. */
const LONGEST_WAIT_MS = 60_000;

/** Most tools under way that are remembered. */
const MAX_STARTED = 256;

const RECONNECTING = /^Reconnecting\.\.\. (\d{1,4})\/\d{1,4} \(([\s\S]*)\)$/;

/** What the agent used, in this attempt alone, as its log tells of each request. */
function ledger() {
  let usage: TokenUsage | undefined;
  let costUsd: number | undefined = 0;
  let turns = 0;
  return {
    add(response: LoggedResponse): TokenUsage {
      usage = addTokens(usage ?? NO_TOKENS, response.usage);
      const cost = costOf(response.model, response.usage);
      costUsd = cost === undefined || costUsd === undefined ? undefined : costUsd + cost;
      turns += 1;
      return usage;
    },
    get usage() {
      return usage;
    },
    /** Of all of it, or unknown. */
    get spent() {
      return usage === undefined ? {} : { usage, turns, ...(costUsd !== undefined && { costUsd }) };
    },
  };
}

/**
 * Reads `codex exec --json`, and the log beside it.
 *
 * @param options.resumed the thread is an earlier attempt's, and so are tokens in its totals
 * @param options.wantsOutput without a final message that is JSON it has failed
 */
export function codexStreamParser(options: {
  readonly resumed: boolean;
  readonly wantsOutput?: boolean;
}): OutputParser {
  const lines = jsonLines(read);
  const log = codexLog();
  const account = ledger();
  const started = new Set<string>();
  let threadId: string | undefined;
  let finalMessage: string | undefined;
  /** Of the whole thread, from the end of its turn. */
  let total: TokenUsage | undefined;
  let lastError: string | undefined;
  let waitMs: number | undefined;
  /** How its turn ended, once it has. */
  let turn: { readonly failed?: string } | undefined;

  function toolRecords(type: string, item: Item): AgentRecord[] {
    const used = toolOf(item);
    if (used === undefined) return [];
    const { id } = item;
    const call: AgentRecord = {
      ...{ type: "tool_call", id, tool: used.tool, summary: inputSummary(used.asked) },
    };
    if (type === "item.started") {
      if (started.size < MAX_STARTED) started.add(id);
      return [call];
    }
    const summary = cutText(item.aggregated_output ?? "", MAX_SUMMARY);
    const result: AgentRecord = { type: "tool_result", id, ok: isDone(item), summary };
    return started.delete(id) ? [result] : [call, result];
  }

  function readItem(type: string, item: Item): readonly AgentRecord[] {
    if (item.type !== "agent_message") return toolRecords(type, item);
    if (type !== "item.completed" || item.text === undefined) return [];
    finalMessage = item.text;
    return item.text === "" ? [] : [{ type: "message", text: cutText(item.text, MAX_TEXT) }];
  }

  function readError(message = ""): AgentRecord[] {
    const [, attempt, reason = ""] = RECONNECTING.exec(message) ?? [];
    if (attempt === undefined) {
      lastError = message || lastError;
      return [];
    }
    return [
      {
        ...{ type: "retry", attempt: Number(attempt), delayMs: waitMs ?? 0 },
        reason: cutText(reason, MAX_SUMMARY),
      },
    ];
  }

  function readCompleted(json: object): AgentRecord[] {
    const { usage } = TurnCompleted.parse(json);
    turn = {};
    // The log knows better; without it, what a resumed thread had used before is not to be told from it.
    total = usage && !options.resumed ? usageOf(usage) : undefined;
    const told = account.usage === undefined ? total : undefined;
    return [...(told ? [{ type: "usage" as const, usage: told }] : []), FINAL];
  }

  function read(type: string, json: object): readonly AgentRecord[] {
    switch (type) {
      case "thread.started": {
        threadId = ThreadStarted.parse(json).thread_id;
        return [{ type: "session", sessionId: threadId }];
      }
      case "item.started":
      case "item.completed":
        return readItem(type, ItemLine.parse(json).item);
      case "error":
        return readError(ErrorLine.parse(json).message);
      case "turn.completed":
        return readCompleted(json);
      case "turn.failed":
        turn = { failed: TurnFailed.parse(json).error?.message || lastError || "its turn failed" };
        return [FINAL];
      default:
        return [];
    }
  }

  function readLog(logged: LoggedResponse | LoggedWait): AgentRecord[] {
    if (logged.kind === "response") {
      waitMs = undefined;
      return [{ type: "usage", usage: account.add(logged) }];
    }
    waitMs = logged.retryAfterMs;
    return waitMs > LONGEST_WAIT_MS ? [FINAL] : [];
  }

  function failureAtEnd(exit: Parameters<OutputParser["end"]>[0]): AgentFailure | undefined {
    if (turn?.failed !== undefined) return failureOfTurn(turn.failed, waitMs);
    if (turn !== undefined)
      return options.wantsOutput && !isJson(finalMessage) ? NO_OUTPUT : undefined;
    if (waitMs !== undefined && waitMs > LONGEST_WAIT_MS) return putOff(waitMs);
    if (lastError !== undefined && !("signal" in exit)) return failureOfTurn(lastError, waitMs);
    return failureOfExit(exit, log.tail, options.resumed && threadId === undefined);
  }

  return {
    push: (stream, bytes) =>
      stream === "stdout" ? lines.push(bytes) : log.push(bytes).flatMap(readLog),
    end(exit) {
      const records = [...log.end().flatMap(readLog), ...lines.end()];
      const failure = failureAtEnd(exit);
      const hasOutput = options.wantsOutput && failure === undefined;
      return {
        records,
        result: {
          ...(failure === undefined && finalMessage !== undefined && { finalMessage }),
          ...(hasOutput && finalMessage !== undefined && { output: finalMessage }),
          ...(threadId !== undefined && { sessionId: threadId }),
          ...(total !== undefined && { usage: total }),
          ...account.spent,
          ...(failure !== undefined && { failure }),
        },
      };
    },
  };
}

const FINAL: AgentRecord = { type: "final" };

const NO_OUTPUT: AgentFailure = {
  code: "no_result",
  message: "it gave no answer that keeps to the task's outputSchema",
  retryable: false,
};

const putOff = (retryAfterMs: number): AgentFailure => ({
  code: "rate_limited",
  message: `the provider told it to wait ${Math.ceil(retryAfterMs / 1_000)} s before the next request`,
  retryable: true,
  retryAfterMs,
});

function isJson(text: string | undefined): boolean {
  try {
    JSON.parse(text ?? "");
    return true;
  } catch {
    return false;
  }
}

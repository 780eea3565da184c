import { claudeAccount } from "./claude-code-account.ts";
import { failureOfResult, isSessionUnknown } from "./claude-code-errors.ts";
import { type Block, type ClaudeLine, readClaudeLine, textOf } from "./claude-code-lines.ts";
import { failureOfExit } from "./exit-failure.ts";
import { jsonLines } from "./json-lines.ts";
import { cutText, inputSummary, MAX_SUMMARY, MAX_TEXT } from "./output-text.ts";
import type { AgentFailure, AgentRecord, OutputParser } from "./plugin.port.ts";
import { stderrTail } from "./stderr-tail.ts";

const NO_OUTPUT: AgentFailure = {
  code: "no_result",
  message: "it gave no answer that keeps to the task's outputSchema",
  retryable: false,
};

/** What a provider asks beyond this, the CLI does not wait for: it gives up at once. */
const LONGEST_OWN_WAIT_MS = 60_000;

/** Before its nth try, where the provider asks for nothing: twice as long each time, and a bit. */
const longestOfItsOwn = (attempt: number) => Math.min(32_000, 500 * 2 ** (attempt - 1)) * 1.25;

const toolCall = (block: Block): AgentRecord => ({
  type: "tool_call",
  id: block.id ?? "",
  tool: block.name ?? "",
  summary: inputSummary(block.input),
});

const toolResult = (block: Block): AgentRecord => ({
  type: "tool_result",
  id: block.tool_use_id ?? "",
  ok: block.is_error !== true,
  summary: cutText(textOf(block.content), MAX_SUMMARY),
});

/**
 * Reads `claude -p --output-format stream-json --verbose`.
 *
 * A run may end in several results: the agent's own, then one for each turn that a background agent
 * of it began by being done. The agent's own words are those of the first kind; whether it failed,
 * the last one says.
 *
 * @param options.resumed the session is an earlier attempt's
 * @param options.wantsOutput without an answer that keeps to the task's schema it has failed
 */
export function claudeStreamParser(options: {
  readonly resumed: boolean;
  readonly wantsOutput?: boolean;
}): OutputParser {
  const lines = jsonLines((type, json) => read(readClaudeLine(type, json)));
  const stderr = stderrTail();
  const account = claudeAccount(options);
  let sessionId: string | undefined;
  let isOpened = false;
  let ended = false;
  let failure: AgentFailure | undefined;
  let finalMessage: string | undefined;
  let output: string | undefined;
  /** What the CLI last said about a failed request, until the model answers again. */
  let trouble: { kind: string | undefined; atMs: number } | undefined;
  /** Whether the CLI has repeated that request, and the longest it was told to wait before that. */
  let hasRetried = false;
  let askedDelayMs: number | undefined;
  let resetsAtMs: number | undefined;

  /** How long the provider asked to wait, as far as the output tells: it has no such field. */
  function retryAfterMs(): number | undefined {
    const untilReset = (resetsAtMs ?? Number.NaN) - (trouble?.atMs ?? Number.NaN);
    if (untilReset > 0) return Math.ceil(untilReset);
    return hasRetried ? askedDelayMs : LONGEST_OWN_WAIT_MS;
  }

  function read(line: ClaudeLine): AgentRecord[] {
    switch (line.kind) {
      case "init": {
        isOpened = true;
        if (sessionId === line.session_id) return [];
        sessionId = line.session_id;
        const model = line.model === undefined ? {} : { model: line.model };
        return [{ type: "session", sessionId, ...model }];
      }
      case "retry": {
        const { attempt = 1, retry_delay_ms: delayMs = 0 } = line;
        hasRetried = true;
        if (delayMs > longestOfItsOwn(attempt)) askedDelayMs = Math.max(askedDelayMs ?? 0, delayMs);
        const reason = [line.error_status, line.error].filter((part) => part !== undefined);
        return [
          {
            type: "retry",
            attempt: Math.trunc(attempt),
            delayMs,
            reason: cutText(reason.join(" "), MAX_SUMMARY),
          },
        ];
      }
      case "rateLimit":
        resetsAtMs = line.resetsAtMs;
        return [];
      case "assistant": {
        if (line.error !== undefined) {
          trouble = { kind: line.error, atMs: Date.parse(line.timestamp ?? "") };
        } else {
          trouble = undefined;
          hasRetried = false;
          askedDelayMs = undefined;
        }
        const records = line.blocks.flatMap((block): AgentRecord[] => {
          if (block.type === "tool_use") return [toolCall(block)];
          return block.type === "text" && block.text
            ? [{ type: "message", text: cutText(block.text, MAX_TEXT) }]
            : [];
        });
        const usage = account.message(line.message.id, line.message.usage);
        return usage ? [...records, { type: "usage", usage }] : records;
      }
      case "user":
        return line.blocks.filter((block) => block.type === "tool_result").map(toolResult);
      case "result": {
        ended = true;
        sessionId ??= line.session_id;
        const told = { kind: trouble?.kind, retryAfterMs: retryAfterMs() };
        failure = failureOfResult(line, told);
        const ofAgent = line.origin?.kind !== "task-notification";
        if (!failure && line.result !== undefined && (ofAgent || finalMessage === undefined)) {
          finalMessage = line.result;
        }
        if (!failure && options.wantsOutput && line.structured_output !== undefined) {
          output = JSON.stringify(line.structured_output);
        }
        return [{ type: "usage", usage: account.result(line) }, { type: "final" }];
      }
      case "other":
        return [];
    }
  }

  return {
    push(stream, bytes) {
      if (stream === "stdout") return lines.push(bytes);
      stderr.push(bytes);
      return [];
    },
    end(exit) {
      const records = lines.end();
      const said = stderr.text();
      // A result stands however the process ended: it may have been ended for not ending.
      const failed = ended
        ? failure
        : failureOfExit(exit, said, (options.resumed && !isOpened) || isSessionUnknown(said));
      const lacksOutput = failed === undefined && options.wantsOutput && output === undefined;
      const fault = lacksOutput ? NO_OUTPUT : failed;
      const { usage, costUsd, turns } = account;
      return {
        records,
        result: {
          ...(finalMessage === undefined ? {} : { finalMessage }),
          ...(output === undefined ? {} : { output }),
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(usage === undefined ? {} : { usage }),
          ...(costUsd === undefined ? {} : { costUsd }),
          ...(turns === undefined ? {} : { turns }),
          ...(fault === undefined ? {} : { failure: fault }),
        },
      };
    },
  };
}

import { OutputRecords, outputHeaders, type StepRecord, subjects } from "@pitaya/protocol";
import { type OutwardBody, outwardEvent, progress } from "./outward-body.ts";
import type { OutwardEvent } from "./outward-event.ts";
import type { LogMessage } from "./run-log.ts";
import type { InstanceView, RunView } from "./run-view.ts";

/** A message of the stream of agent output. */
export interface OutputMessage extends LogMessage {
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What the outside sees of a message of agent output: a `task.progress` for each step the runner's
 * plugin read. Raw bytes give nothing.
 *
 * @returns `undefined` while the log, as far as it is folded, has not placed this attempt on the
 *   runner whose subject it came on: it may yet, for the two streams are read side by side
 */
export function projectOutput(
  run: string,
  message: OutputMessage,
  view: RunView,
): readonly OutwardEvent[] | undefined {
  if (message.headers[outputHeaders.kind] !== "records") return [];
  const subject = subjects.output.parse(message.subject);
  if (!subject || subject.run !== run) return [];
  const row = view.instances.get(subject.instance);
  const attempt = Number(subject.attempt);
  const placed = row?.attempts.some((a) => a.attempt === attempt && a.runner === subject.runner);
  if (!row || !placed) return undefined;
  return readRecords(message.payload).flatMap((record, n) => {
    const body = bodyOf(row, attempt, record);
    const id = `o${message.sequence}.${n}`;
    return body ? [outwardEvent(run, id, message.storedAt.getTime(), body)] : [];
  });
}

/** Output is for people to see; what does not parse is nobody's input and is left out. */
function readRecords(payload: Uint8Array): readonly StepRecord[] {
  try {
    const parsed = OutputRecords.safeParse(JSON.parse(new TextDecoder().decode(payload)));
    return parsed.success ? parsed.data.records : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function bodyOf(row: InstanceView, attempt: number, record: StepRecord): OutwardBody | undefined {
  switch (record.type) {
    case "message":
      return progress(row, attempt, { phase: "assistant", activity: record.text });
    case "tool_call":
      return progress(row, attempt, {
        phase: "tool_use",
        tool: record.tool,
        activity: record.summary,
        message_id: record.id,
      });
    case "tool_result":
      return progress(row, attempt, {
        phase: "tool_result",
        tool_ok: record.ok,
        activity: record.summary,
        message_id: record.id,
      });
    case "session":
      return progress(row, attempt, {
        phase: "system",
        activity: `session ${record.sessionId}${record.model ? ` on ${record.model}` : ""}`,
      });
    case "usage":
      return progress(row, attempt, {
        phase: "system",
        usage: {
          input_tokens: record.usage.inputTokens,
          output_tokens: record.usage.outputTokens,
          cache_read_input_tokens: record.usage.cacheReadTokens,
          cache_creation_input_tokens: record.usage.cacheWriteTokens,
        },
      });
    case "retry":
      return progress(row, attempt, {
        phase: "system",
        activity: `the agent tries again in ${record.delayMs / 1000} s: ${record.reason}`,
      });
    case "unreadable":
      return progress(row, attempt, {
        phase: "system",
        activity: `line ${record.line} could not be read: ${record.reason}`,
      });
    case "final":
      return undefined;
    default:
      return record satisfies never;
  }
}

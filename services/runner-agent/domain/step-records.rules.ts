import type { AgentRecord } from "@pitaya/plugins";
import { OUTPUT_MESSAGE_BYTES, type StepRecord } from "@pitaya/protocol";

const cut = (text: string, max: number) =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;

/** A plugin's record as it travels: redacted, and cut to what the wire allows. */
export function stepRecord(record: AgentRecord, redact: (text: string) => string): StepRecord {
  const text = (value: string, max: number) => cut(redact(value), max);
  switch (record.type) {
    case "session":
      return {
        type: "session",
        sessionId: text(record.sessionId, 200),
        ...(record.model === undefined ? {} : { model: text(record.model, 200) }),
      };
    case "message":
      return { type: "message", text: text(record.text, 8_000) };
    case "tool_call":
      return {
        type: "tool_call",
        id: text(record.id, 200),
        tool: text(record.tool, 200),
        summary: text(record.summary, 8_000),
      };
    case "tool_result":
      return {
        type: "tool_result",
        id: text(record.id, 200),
        ok: record.ok,
        summary: text(record.summary, 8_000),
      };
    case "usage":
      return { type: "usage", usage: record.usage };
    case "retry":
      return {
        type: "retry",
        attempt: record.attempt,
        delayMs: Math.max(0, record.delayMs),
        reason: text(record.reason, 1_000),
      };
    case "final":
      return { type: "final" };
    case "unreadable":
      return {
        type: "unreadable",
        line: record.line,
        excerpt: text(record.excerpt, 400),
        reason: text(record.reason, 400),
      };
  }
}

/** Records in groups that each fit in one message. */
export function packRecords(
  records: readonly StepRecord[],
  maxBytes = OUTPUT_MESSAGE_BYTES,
): readonly (readonly StepRecord[])[] {
  const ENVELOPE_BYTES = 64;
  const groups: StepRecord[][] = [];
  let size = 0;
  for (const record of records) {
    const bytes = Buffer.byteLength(JSON.stringify(record)) + 1;
    const group = groups.at(-1);
    if (group === undefined || size + bytes > maxBytes) {
      groups.push([record]);
      size = ENVELOPE_BYTES + bytes;
    } else {
      group.push(record);
      size += bytes;
    }
  }
  return groups;
}

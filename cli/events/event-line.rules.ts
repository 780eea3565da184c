import type { StoredMessage } from "@pitaya/bus";
import type { Redactor } from "@pitaya/redaction";
import { printable } from "../output/printable.rules.ts";

/** A message of the log as one line: for a person, or with `json` whole. */
export function eventLine(
  { subject, sequence, storedAt, payload }: StoredMessage,
  json: boolean,
  redactor: Pick<Redactor, "json">,
): string {
  const message = readJson(payload);
  if (json) {
    const line = { sequence, time: storedAt.toISOString(), subject, message };
    return JSON.stringify(redactor.json(line as never));
  }
  return `${sequence} ${storedAt.toISOString()} ${subject} ${typesIn(message).join(",")}`;
}

/** What does not parse is shown as the text it is. */
function readJson(payload: Uint8Array): unknown {
  const text = new TextDecoder().decode(payload);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** Types of the events in a message: its decisions, its fact, its note, or that it seals. */
function typesIn(message: unknown): string[] {
  if (typeof message !== "object" || message === null) return ["unreadable"];
  const { entries, fact, note, by } = message as Record<string, unknown>;
  if (Array.isArray(entries)) return entries.map(typeOf);
  if (fact !== undefined) return [typeOf(fact)];
  if (note !== undefined) return [typeOf(note)];
  return [by === "coordinator" ? "attempt.sealed" : "unreadable"];
}

const typeOf = (value: unknown): string => {
  const type = (value as { type?: unknown } | null)?.type;
  return typeof type === "string" ? printable(type) : "unreadable";
};

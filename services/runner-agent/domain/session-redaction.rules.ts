import type { Json, Redactor } from "@pitaya/redaction";

/**
 * A session file without what must not be stored. It stays readable for the agent CLI: a line that
 * was JSON is JSON afterwards.
 *
 * @returns undefined for a file that is no text (a database) and has something that must not be
 *   stored, whole or in pieces: without it, it would be broken
 */
export function redactedSessionFile(
  bytes: Uint8Array,
  redactor: Pick<Redactor, "text" | "stream" | "containsHalf">,
): Uint8Array | undefined {
  const text = textIn(bytes);
  if (text === undefined) return isClean(bytes, redactor) ? bytes : undefined;
  const lines = text.split("\n").map((line) => redactedLine(line, redactor.text));
  return new TextEncoder().encode(lines.join("\n"));
}

function textIn(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isClean(bytes: Uint8Array, redactor: Pick<Redactor, "stream" | "containsHalf">): boolean {
  if (redactor.containsHalf(bytes)) return false;
  const redacting = redactor.stream();
  const parts = [redacting.push(bytes).bytes, redacting.end().bytes];
  return Buffer.concat(parts).equals(bytes);
}

/** One line of text, which stays JSON if it was. */
export function redactedLine(line: string, redact: (text: string) => string): string {
  const redacted = redact(line);
  if (redacted === line || isJson(redacted) || !isJson(line)) return redacted;
  // What was taken out reached over a quote.
  return JSON.stringify(redactedTexts(JSON.parse(line), redact));
}

function redactedTexts(value: Json, redact: (text: string) => string): Json {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => redactedTexts(item, redact));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redact(key), redactedTexts(item, redact)]),
  );
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

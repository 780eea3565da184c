/** Longest text of a message, of what a tool was asked or answered, and of a line that is no line. */
export const MAX_TEXT = 4_000;
export const MAX_SUMMARY = 500;
export const MAX_EXCERPT = 200;

export const cutText = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`.toWellFormed();

/** Of an answer that comes in pieces, its end. */
const MAX_ANSWER = 256 * 1024;

/** A text in pieces, of which no more than the end is kept. */
export function joinedText(max = MAX_ANSWER) {
  let pieces: string[] = [];
  let length = 0;

  function text(): string {
    if (pieces.length > 1) pieces = [pieces.join("")];
    return (pieces[0] ?? "").slice(-max).toWellFormed();
  }

  return {
    text,
    push(piece: string): void {
      pieces.push(piece);
      length += piece.length;
      if (length <= 2 * max) return;
      pieces = [text()];
      length = max;
    },
  };
}

/** What a tool is asked to do, in a line: its command, file or pattern, else the names of its input. */
export function inputSummary(input: unknown): string {
  if (typeof input !== "object" || input === null) return "";
  const fields = input as Readonly<Record<string, unknown>>;
  const told = ["command", "file_path", "filePath", "pattern", "path", "description"]
    .map((name) => fields[name])
    .find((value) => typeof value === "string");
  return cutText(typeof told === "string" ? told : Object.keys(fields).join(", "), MAX_SUMMARY);
}

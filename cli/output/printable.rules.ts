import { stripVTControlCharacters } from "node:util";

/**
 * Text that somebody else wrote, as one line that does nothing to a terminal: no escape sequence, no
 * control or direction-changing character.
 */
export const printable = (text: string): string => printableLines(text).replace(/\s+/g, " ").trim();

/** The same, with its lines as they are. */
export const printableLines = (text: string): string =>
  stripVTControlCharacters(text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what goes
    .replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .replace(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, "");

/** Cut to so many characters, with a mark where it was. */
export function shorten(text: string, max: number): string {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, Math.max(0, max - 1)).join("")}…`;
}

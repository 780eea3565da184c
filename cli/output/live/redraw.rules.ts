const UP = (lines: number) => (lines === 0 ? "" : `\u001b[${lines}A`);
const TO_LINE_START = "\r";
const CLEAR_LINE = "\u001b[2K";
const CLEAR_BELOW = "\u001b[0J";
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";

/**
 * What to write so that `lines` stand where a frame of `before` lines stood, the cursor below them.
 * One write that sets back every mode it sets, so nothing is left to restore if it is the last.
 */
export const redraw = (before: number, lines: readonly string[]): string =>
  [
    NO_WRAP,
    TO_LINE_START,
    UP(before),
    ...lines.map((line) => `${CLEAR_LINE}${line}\n`),
    CLEAR_BELOW,
    WRAP,
  ].join("");

/** What to write so that a frame of `before` lines is gone, the cursor where it began. */
export const erase = (before: number): string =>
  before === 0 ? "" : `${TO_LINE_START}${UP(before)}${CLEAR_BELOW}`;

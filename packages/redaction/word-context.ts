import { ALNUM, type ByteSet, DIGIT, setOfChars } from "./byte-set.ts";

/*
 * Whether a word goes on at the next byte, read from the bytes before it. Text often comes escaped
 * (JSON in JSON, URLs, terminal colours), so the last character of an escape is no part of a word:
 * in `key:\nsk-…` the `n` does not make `nsk-…` of it. Where this guesses wrong it guesses "no
 * word", which takes out more, never less.
 */

const BETWEEN = 0;
const IN_WORD = 1;
/** After a backslash. */
const ESCAPED = 2;
/** Hex digits to come: four from state 3 on, two from state 7 on. */
const FOUR_HEX = 3;
const TWO_HEX = 7;
/** After `[`, and up to twenty digits and semicolons: the middle of a terminal's colour code. */
const COLOUR = 9;
const STATES = COLOUR + 21;

const HEX = setOfChars("0123456789abcdefABCDEF");
const [BACKSLASH, PERCENT, BRACKET, SEMICOLON] = [0x5c, 0x25, 0x5b, 0x3b];
const has = (set: ByteSet, byte: number) => set[byte] === 1;

function ordinary(byte: number): number {
  if (byte === BACKSLASH) return ESCAPED;
  if (byte === PERCENT) return TWO_HEX;
  if (byte === BRACKET) return COLOUR;
  return has(ALNUM, byte) ? IN_WORD : BETWEEN;
}

function after(state: number, byte: number): number {
  if (state === ESCAPED) {
    if (byte === 0x75) return FOUR_HEX;
    if (byte === 0x78) return TWO_HEX;
    return has(ALNUM, byte) ? BETWEEN : ordinary(byte);
  }
  if (state >= FOUR_HEX && state < COLOUR && has(HEX, byte)) {
    return state === TWO_HEX - 1 || state === COLOUR - 1 ? BETWEEN : state + 1;
  }
  if (state >= COLOUR) {
    const more = has(DIGIT, byte) || byte === SEMICOLON;
    if (more) return state + 1 < STATES ? state + 1 : ordinary(byte);
    return has(ALNUM, byte) ? BETWEEN : ordinary(byte);
  }
  return ordinary(byte);
}

/** `WORD_CONTEXT[(state << 8) | byte]` is the state after the byte. The first state is 0. */
export const WORD_CONTEXT = Uint8Array.from({ length: STATES << 8 }, (_, index) =>
  after(index >> 8, index & 0xff),
);

export const isInWord = (state: number): boolean => state === IN_WORD;

/** In the middle of an escape; it began with the last byte that {@link beginsEscape}. */
export const isInEscape = (state: number): boolean => state > IN_WORD;
export const beginsEscape = (byte: number): boolean =>
  byte === BACKSLASH || byte === PERCENT || byte === BRACKET;

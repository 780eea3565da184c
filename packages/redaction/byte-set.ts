/** A set of bytes: 1 at the index of each member. */
export type ByteSet = Uint8Array;

export function byteSet(...members: readonly (number | readonly [number, number])[]): ByteSet {
  const set = new Uint8Array(256);
  for (const member of members) {
    const [from, to] = typeof member === "number" ? [member, member] : member;
    set.fill(1, from, to + 1);
  }
  return set;
}

const SINGLES = Array.from({ length: 256 }, (_, byte) => byteSet(byte));

/** The set of this byte alone; always the same object. */
export const oneByte = (byte: number): ByteSet => SINGLES[byte & 0xff] ?? byteSet(byte);

export const setOfChars = (chars: string): ByteSet =>
  byteSet(...[...chars].map((char) => char.charCodeAt(0)));

export const union = (...sets: readonly ByteSet[]): ByteSet =>
  new Uint8Array(256).map((_, byte) => (sets.some((set) => set[byte] === 1) ? 1 : 0));

export const complement = (set: ByteSet): ByteSet =>
  new Uint8Array(256).map((_, byte) => (set[byte] === 1 ? 0 : 1));

export const without = (set: ByteSet, other: ByteSet): ByteSet =>
  new Uint8Array(256).map((_, byte) => (set[byte] === 1 && other[byte] !== 1 ? 1 : 0));

const charCode = (char: string): number => char.charCodeAt(0);

export const DIGIT = byteSet([charCode("0"), charCode("9")]);
export const UPPER = byteSet([charCode("A"), charCode("Z")]);
export const LOWER = byteSet([charCode("a"), charCode("z")]);
export const ALNUM = union(DIGIT, UPPER, LOWER);
export const WORD = union(ALNUM, setOfChars("_"));
export const SPACE = setOfChars(" \t\n\r\f\v");

/** With every letter also its other case. */
export const anyCase = (set: ByteSet): ByteSet =>
  new Uint8Array(256).map((_, byte) => {
    const letter = UPPER[byte] === 1 || LOWER[byte] === 1;
    return set[byte] === 1 || (letter && set[byte ^ 0x20] === 1) ? 1 : 0;
  });

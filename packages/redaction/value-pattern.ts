import { byteSet, oneByte, setOfChars } from "./byte-set.ts";
import { byteNode, either, literal, type Node, type Pattern, repeat, sequence } from "./pattern.ts";

/** Values with fewer characters are not looked for: they would be found in ordinary text. */
export const MIN_VALUE_LENGTH = 6;

/** Fewer known characters of a base64 form say nothing. */
const MIN_BASE64_CHARS = 6;

/** JSON in JSON in JSON doubles backslashes each time; this allows for three levels. */
const BACKSLASHES = repeat(byteNode(oneByte(0x5c)), 1, 8);

const isUnreserved = (char: string) => /^[A-Za-z0-9._~-]$/.test(char);

const hexDigit = (digit: string): Node =>
  byteNode(setOfChars(digit.toLowerCase() + digit.toUpperCase()));
const hex = (value: number, digits: number): Node =>
  sequence(...[...value.toString(16).padStart(digits, "0")].map(hexDigit));

const percent = (bytes: Iterable<number>): Node =>
  sequence(...Array.from(bytes, (byte) => sequence(literal("%"), hex(byte, 2))));

/** `\u00e9`, and for what lies beyond 16 bits a pair of them. */
const unicodeEscape = (char: string): Node =>
  sequence(
    ...Array.from({ length: char.length }, (_, i) =>
      sequence(BACKSLASHES, literal("u"), hex(char.charCodeAt(i), 4)),
    ),
  );

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "n",
  "\r": "r",
  "\t": "t",
  "\b": "b",
  "\f": "f",
  '"': '"',
  "/": "/",
};

/** One character as it is, and as JSON and URLs write it. */
function charNode(char: string): Node {
  if (isUnreserved(char)) return literal(char);
  const bytes = new TextEncoder().encode(char);
  const forms = [literal(char), percent(bytes), unicodeEscape(char)];
  if (char === " ") forms.push(literal("+"));
  if (char === "\\") forms.push(BACKSLASHES);
  const short = SHORT_ESCAPES[char];
  if (short !== undefined) forms.push(sequence(BACKSLASHES, literal(short)));
  return either(...forms);
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** A character of base64, of either alphabet, also where it was put in a URL. */
function base64Node(sextet: number): Node {
  if (sextet === 62) return either(byteNode(setOfChars("+-")), percent([0x2b]));
  if (sextet === 63) return either(byteNode(setOfChars("/_")), percent([0x2f]));
  return literal(ALPHABET[sextet] ?? "");
}

/** A character of which only some bits are known. */
function anySextet(known: (sextet: number) => boolean): Node {
  const sextets = Array.from({ length: 64 }, (_, sextet) => sextet).filter(known);
  const chars = sextets.map((sextet) => ALPHABET[sextet] ?? "");
  if (chars.includes("+")) chars.push("-");
  if (chars.includes("/")) chars.push("_");
  return byteNode(byteSet(...chars.map((char) => char.charCodeAt(0))));
}

/** Where `base64`, `openssl` and mail fold what they write: after any of its characters. */
const FOLD = repeat(
  either(
    literal("\n"),
    literal("\r\n"),
    sequence(BACKSLASHES, literal("n")),
    sequence(BACKSLASHES, literal("r"), BACKSLASHES, literal("n")),
  ),
  0,
  1,
);

/**
 * The value inside something that was encoded as base64, `before` bytes after a multiple of three:
 * the characters it decides alone, and what may follow: one that it shares, and padding. The one it
 * may share before them stays, with at most four bits of the value: a match that could begin with
 * any of so many characters would begin everywhere.
 */
function base64Pattern(bytes: Uint8Array, before: 0 | 1 | 2): Node | undefined {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const skipped = (6 - ((before * 8) % 6)) % 6;
  const whole: Node[] = [];
  let at = skipped;
  for (; at + 6 <= bits.length; at += 6) {
    whole.push(base64Node(Number.parseInt(bits.slice(at, at + 6), 2)));
  }
  if (whole.length < MIN_BASE64_CHARS) return undefined;
  const shared = bits.length - at;
  const tail = Number.parseInt(bits.slice(at) || "0", 2);
  const tailNode = anySextet((sextet) => sextet >> (6 - shared) === tail);
  const [first, ...others] = whole;
  return sequence(
    ...(first ? [first] : []),
    ...others.flatMap((char) => [FOLD, char]),
    ...(shared > 0 ? [repeat(tailNode, 0, 1)] : []),
    repeat(either(literal("="), percent([0x3d])), 0, 2),
  );
}

const whole = (secret: Node): Pattern => ({
  secret,
  atWordStart: false,
  // Every form ends of itself, so what is held back is bounded by the value's own length.
  maxUndecidedBytes: Number.POSITIVE_INFINITY,
});

/**
 * Finds a value wherever it stands: as it is, inside JSON or a URL, and in base64, alone or in the
 * middle of something longer. White space around the value is no part of it.
 */
export function valuePatterns(value: string): Pattern[] {
  const trimmed = value.trim().toWellFormed();
  if ([...trimmed].length < MIN_VALUE_LENGTH) return [];
  const plain = sequence(...Array.from(trimmed, charNode));
  const bytes = new TextEncoder().encode(trimmed);
  const encoded = ([0, 1, 2] as const).flatMap((before) => base64Pattern(bytes, before) ?? []);
  return [plain, ...encoded].map(whole);
}

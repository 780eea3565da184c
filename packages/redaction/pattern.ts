import {
  anyCase,
  type ByteSet,
  byteSet,
  complement,
  DIGIT,
  oneByte,
  SPACE,
  setOfChars,
  union,
  WORD,
} from "./byte-set.ts";

/** What a pattern is made of. It speaks of bytes, not of characters. */
export type Node =
  | { readonly kind: "byte"; readonly set: ByteSet }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "either"; readonly items: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly item: Node;
      readonly min: number;
      /** Absent: without end. */
      readonly max?: number;
    };

export interface Pattern {
  /** Must stand before the secret, and is kept. */
  readonly context?: Node;
  readonly secret: Node;
  /** Only where no word goes on. */
  readonly atWordStart: boolean;
  /** The byte after the match; `atEnd` tells whether the end of everything will do. */
  readonly followedBy?: { readonly set: ByteSet; readonly atEnd: boolean };
  /** Bytes a match may hold back while it is undecided; then it is given up. */
  readonly maxUndecidedBytes: number;
}

/** A custom pattern that is not understood. The message says what and where. */
export class PatternError extends Error {
  readonly pattern: string;
  readonly at: number;

  constructor(pattern: string, at: number, reason: string) {
    super(`redaction pattern ${JSON.stringify(pattern)}: ${reason} (at character ${at + 1})`);
    this.name = "PatternError";
    this.pattern = pattern;
    this.at = at;
  }
}

/** Longer than any key or token that is not told by its value. */
export const MAX_UNDECIDED_BYTES = 8_192;
const MAX_REPEAT = 1_000;
/** Places a byte can stand in, copies for counts included: matching takes longer with each. */
const MAX_PLACES = 1_000;

export const byteNode = (set: ByteSet): Node => ({ kind: "byte", set });
export const sequence = (...items: readonly Node[]): Node => ({ kind: "sequence", items });
export const either = (...items: readonly Node[]): Node =>
  items.length === 1 && items[0] ? items[0] : { kind: "either", items };
export const repeat = (item: Node, min: number, max?: number): Node =>
  max === undefined ? { kind: "repeat", item, min } : { kind: "repeat", item, min, max };

export const literal = (text: string): Node =>
  sequence(
    ...new TextEncoder()
      .encode(text)
      .values()
      .map((byte) => byteNode(oneByte(byte))),
  );

const NEWLINE = setOfChars("\n");
const CLASSES: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v" };

/**
 * Reads a pattern in a subset of the usual regular expressions, chosen so that matching takes time
 * proportional to the input whatever the input is: literals, `.`, classes, `\d \w \s \D \W \S`,
 * `\xHH`, groups, `|`, `* + ? {m} {m,} {m,n}`, `(?i)` at the beginning, `\b` at the beginning or the
 * end, `\K` (what stands before it is needed, but kept), and as the very last thing `(?=[…])` or
 * `(?![…])`. Matches are as long as they can be.
 *
 * @throws PatternError for anything else (back references, other look-around, anchors), and for a
 *   pattern that could match nothing at all
 */
export function parsePattern(source: string): Pattern {
  let at = 0;
  const refuse = (reason: string, where = at): never => {
    throw new PatternError(source, where, reason);
  };
  const peek = (text: string) => source.startsWith(text, at);
  const take = (text: string) => {
    if (!peek(text)) return false;
    at += text.length;
    return true;
  };
  const next = (): string => {
    const char = String.fromCodePoint(source.codePointAt(at) ?? 0);
    at += char.length;
    return char;
  };
  const more = () => at < source.length;

  const ignoreCase = take("(?i)");
  const fold = (set: ByteSet) => (ignoreCase ? anyCase(set) : set);

  function escapedSet(): ByteSet {
    if (!more()) refuse("ends in the middle of an escape");
    const char = next();
    const known = CLASSES[char];
    if (known) return known;
    const control = CONTROLS[char];
    if (control) return setOfChars(control);
    if (char === "x") {
      const hex = source.slice(at, at + 2);
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) refuse("\\x wants two hex digits");
      at += 2;
      return byteSet(Number.parseInt(hex, 16));
    }
    if (/[a-zA-Z0-9]/.test(char) || char > "\x7f") refuse(`\\${char} is not supported`, at - 2);
    return setOfChars(char);
  }

  function classMember(): ByteSet {
    if (take("\\")) return escapedSet();
    const char = next();
    if (char > "\x7f") refuse("only ASCII characters can stand in a class", at - 1);
    return setOfChars(char);
  }

  function classSet(): ByteSet {
    const negated = take("^");
    const members: ByteSet[] = [];
    while (!peek("]") || members.length === 0) {
      if (!more()) refuse("a class that does not end");
      const first = classMember();
      if (peek("-") && source[at + 1] !== "]") {
        at += 1;
        const [from, to] = [first.indexOf(1), classMember().indexOf(1)];
        if (to < from) refuse("a range that runs backwards");
        members.push(byteSet([from, to]));
      } else {
        members.push(first);
      }
    }
    at += 1;
    const all = fold(union(...members));
    return negated ? complement(all) : all;
  }

  function atom(): Node {
    if (take("(")) {
      if (take("?") && !take(":")) refuse("only (?:…) groups and a last (?=[…]) or (?![…])");
      const inside = alternatives();
      if (!take(")")) refuse("a group that does not end");
      return inside;
    }
    if (take("[")) return byteNode(classSet());
    if (take(".")) return byteNode(complement(NEWLINE));
    if (take("\\")) return byteNode(fold(escapedSet()));
    const char = next();
    if ("*+?{}^$".includes(char)) refuse(`${char} cannot stand here`, at - 1);
    if (char > "\x7f") return literal(char);
    return byteNode(fold(setOfChars(char)));
  }

  function quantified(item: Node): Node {
    if (take("*")) return repeat(item, 0);
    if (take("+")) return repeat(item, 1);
    if (take("?")) return repeat(item, 0, 1);
    const counts = /^\{(\d{1,6})(,(\d{1,6})?)?\}/.exec(source.slice(at));
    if (!counts) return item;
    const min = Number(counts[1]);
    const max = counts[2] === undefined ? min : counts[3] === undefined ? undefined : counts[3];
    const most = max === undefined ? undefined : Number(max);
    if (Math.max(min, most ?? 0) > MAX_REPEAT) refuse(`a count over ${MAX_REPEAT}`);
    if (most !== undefined && most < min) refuse("counts that run backwards");
    at += counts[0].length;
    return repeat(item, min, most);
  }

  const atPartEnd = () =>
    !more() || peek("|") || peek(")") || peek("\\K") || peek("\\b") || peek("(?=") || peek("(?!");

  function part(): Node {
    const items: Node[] = [];
    while (!atPartEnd()) {
      const item = quantified(atom());
      if (/^[*+?{]/.test(source.slice(at))) refuse("a quantifier after a quantifier");
      items.push(item);
    }
    return sequence(...items);
  }

  function alternatives(): Node {
    const items = [part()];
    while (take("|")) items.push(part());
    return either(...items);
  }

  function lookahead(): Pattern["followedBy"] {
    if (take("\\b")) return { set: complement(WORD), atEnd: true };
    const wanted = take("(?=[");
    if (!wanted && !take("(?![")) return undefined;
    const set = classSet();
    if (!take(")")) refuse("a look-ahead of more than one class");
    return { set: wanted ? set : complement(set), atEnd: !wanted };
  }

  const atWordStart = take("\\b");
  const first = alternatives();
  const context = take("\\K") ? first : undefined;
  const secret = context ? alternatives() : first;
  const followedBy = lookahead();
  if (more()) refuse(`${source.slice(at, at + 3)} cannot stand here`);
  if (places(secret) + (context ? places(context) : 0) > MAX_PLACES) refuse("it is too large", 0);
  if (canBeEmpty(secret)) refuse("it could match nothing at all", 0);
  if (context && canBeEmpty(context)) refuse("what stands before \\K could be nothing", 0);
  return {
    ...(context && { context }),
    secret,
    atWordStart,
    ...(followedBy && { followedBy }),
    maxUndecidedBytes: MAX_UNDECIDED_BYTES,
  };
}

function places(node: Node): number {
  switch (node.kind) {
    case "byte":
      return 1;
    case "sequence":
    case "either":
      return node.items.reduce((sum, item) => sum + places(item), 0);
    case "repeat":
      return places(node.item) * Math.max(1, node.max ?? node.min);
  }
}

function canBeEmpty(node: Node): boolean {
  switch (node.kind) {
    case "byte":
      return false;
    case "sequence":
      return node.items.every(canBeEmpty);
    case "either":
      return node.items.some(canBeEmpty);
    case "repeat":
      return node.min === 0 || canBeEmpty(node.item);
  }
}

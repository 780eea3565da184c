/** Numbers in [0, 1), always the same for a seed. */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const below = (random: Random, bound: number): number => Math.floor(random() * bound);

const pick = <T>(random: Random, items: readonly T[]): T => {
  const item = items[below(random, items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
};

const NEWLINE = 0x0a;

const linesOf = (bytes: Buffer): Buffer[] => {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const at = bytes.indexOf(NEWLINE, from);
    const to = at === -1 ? bytes.length : at + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
};

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return Array.from(left, () => left.splice(below(random, left.length), 1)).flat();
}

/** Values of the wrong kind, and of the right kind but out of all proportion. */
const VALUES = [
  ...["null", "true", "-1", "0.5", "1e999", "9007199254740993", '""', "[]", "{}", "[[]]"],
  ...['"\\ud83d"', '"\\u0000"', '{"__proto__":{}}', '[{"type":"text"}]', '"1"', "[null]"],
];

const JUNK = [
  ...["\n", "\r\n", '"', "\\", "}\n{", "{", "]", ",", "\u2028", "\ufeff"].map((text) =>
    Buffer.from(text),
  ),
  // no UTF-8 at all, and the first half of a character
  Buffer.of(0xff, 0xfe),
  Buffer.of(0xf0, 0x9f),
  Buffer.of(0x00),
];

const GIANT = Buffer.alloc(64 * 1024, "x");

type Damage = (bytes: Buffer, at: number, random: Random) => Buffer;

const splice = (bytes: Buffer, at: number, drop: number, ...put: Buffer[]) =>
  Buffer.concat([bytes.subarray(0, at), ...put, bytes.subarray(at + drop)]);

/** Instead of what stands after the next colon. */
const otherValue: Damage = (bytes, at, random) => {
  const colon = bytes.indexOf(":", at);
  if (colon === -1) return bytes;
  const rest = bytes.subarray(colon + 1, colon + 200).toString("latin1");
  const drop = rest.search(/[,}\]]/);
  return splice(bytes, colon + 1, Math.max(drop, 0), Buffer.from(pick(random, VALUES)));
};

const DAMAGES: readonly Damage[] = [
  otherValue,
  otherValue,
  (bytes, at, random) => splice(bytes, at, 1, Buffer.of(below(random, 256))),
  (bytes, at, random) => splice(bytes, at, below(random, 200)),
  (bytes, at, random) => splice(bytes, at, 0, pick(random, JUNK)),
  (bytes, at, random) => splice(bytes, at, 0, bytes.subarray(at, at + below(random, 2_000))),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, _, random) => Buffer.concat(shuffled(linesOf(bytes), random)),
  (bytes, at, random) => (random() < 0.05 ? splice(bytes, at, 0, GIANT) : bytes),
];

/** Some lines of an output, in their order, with up to eight things done to them. */
export function damaged(output: Uint8Array, random: Random): Uint8Array {
  const lines = linesOf(Buffer.from(output.buffer, output.byteOffset, output.byteLength));
  const kept = Math.min(1, (1 + below(random, 6)) / lines.length);
  let bytes = Buffer.concat(lines.filter(() => random() < kept));
  for (let left = 1 + below(random, 8); left > 0; left -= 1) {
    bytes = Buffer.from(pick(random, DAMAGES)(bytes, below(random, bytes.length + 1), random));
  }
  return Uint8Array.from(bytes);
}

/** The same bytes in up to so many pieces. */
export function cut(bytes: Uint8Array, pieces: number, random: Random): Uint8Array[] {
  const points = Array.from({ length: below(random, pieces) }, () =>
    below(random, bytes.length + 1),
  ).sort((a, b) => a - b);
  return [0, ...points].map((from, i) => bytes.subarray(from, points[i] ?? bytes.length));
}

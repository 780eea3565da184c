import fc from "fast-check";
import { expect, it } from "vitest";
import { type Automaton, compile } from "./automaton.ts";
import { type ByteRedactor, byteRedactor, MARK, type Redacted } from "./byte-redactor.ts";
import { KNOWN_SHAPES } from "./known-shapes.ts";
import { redactor } from "./redactor.ts";
import { scanner } from "./scanner.ts";
import { valuePatterns } from "./value-pattern.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

// A small alphabet, so that values begin, overlap and almost happen all the time.
const valueChars = fc.constantFrom(...'aab1-/"\\ö😀 %+');
const values = fc.array(fc.string({ unit: valueChars, minLength: 1, maxLength: 12 }), {
  minLength: 1,
  maxLength: 3,
});

const SHAPES = [
  "sk-ant-api03-a1b2c3d4e5f6g7h8",
  "eyJhbGciOiJI.eyJzdWIiOiIx.aaaa",
  "x-api-key: aab1aab1",
  'authorization":"Bearer aab1aab1',
  'token\\": \\"aab1aab1',
  "://a:aab1@b",
  "API_TOKEN=aaaaaaaab",
  "AKIAABCDEFGHIJKLMNOP",
  "-----BEGIN EC PRIVATE KEY-----\\n1\taab1aab1aab1aab1aab1-----END",
  "ACME-aab1-aab1",
];
const CUSTOM = ["(?i)acme-[ab1]{4}(?:-[ab1]{1,4})?", "b\\K/\\d+"];

const encodings: ((value: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify(value).slice(1, -1),
  (value) => JSON.stringify(JSON.stringify(value)).slice(3, -3),
  (value) => encodeURIComponent(value.toWellFormed()),
  (value) => new URLSearchParams({ v: value }).toString().slice(2),
  (value) => Buffer.from(value).toString("base64"),
  (value) => Buffer.from(`x${value}y`).toString("base64url"),
];

/** Values, text, and text made of values, shapes, their encodings and their pieces. */
const cases = values.chain((values) =>
  fc.record({
    values: fc.constant(values),
    text: fc
      .array(
        fc.oneof(
          fc.tuple(fc.constantFrom(...values), fc.constantFrom(...encodings)).map(([v, e]) => e(v)),
          fc
            .tuple(fc.constantFrom(...values, ...SHAPES), fc.nat(40))
            .map(([v, n]) => [...v].slice(0, n).join("")),
          fc.constantFrom(...SHAPES),
          fc.string({ unit: valueChars, maxLength: 6 }),
          fc.constantFrom("\n", " ", '"', "\\n", "%20", "\u001b[1m", "."),
        ),
        { size: "max", maxLength: 30 },
      )
      .map((parts) => parts.join("")),
  }),
);

/** Points to cut at, as parts of the whole. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { size: "max", maxLength: 40 });

function cutAt(bytes: Uint8Array, points: readonly number[]): Uint8Array[] {
  const at = points.map((point) => Math.floor(point * bytes.length)).sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

function outputs(parts: readonly Uint8Array[], stream: ByteRedactor): Redacted[] {
  return [...parts.map((part) => stream.push(part)), stream.end()];
}

/** 1 at each byte that is secret. */
function coverage(automaton: Automaton, bytes: Uint8Array): Uint8Array {
  const covered = new Uint8Array(bytes.length);
  const scan = scanner(automaton, (_, start, end) => covered.fill(1, start, end));
  scan.push(bytes);
  scan.end();
  return covered;
}

const joined = (redacted: readonly Redacted[]) =>
  decode(Buffer.concat(redacted.map(({ bytes }) => bytes)));

const isLookedFor = (value: string) => [...value.trim()].length >= 6;
const runs = { numRuns: 40 };

it("gives the same output however the input is cut", () => {
  fc.assert(
    fc.property(cases, cuts, ({ values, text }, points) => {
      const { text: redact, stream } = redactor({ values, customPatterns: CUSTOM });
      const bytes = utf8(text);
      const whole = redact(text);
      expect(joined(outputs(cutAt(bytes, points), stream()))).toBe(whole);
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect(joined(outputs(single, stream()))).toBe(whole);
    }),
    runs,
  );
});

it("lets no value through, in any of its forms", () => {
  fc.assert(
    fc.property(cases, ({ values, text }) => {
      const { text: redact, containsSecret } = redactor({ values });
      const redacted = redact(text);
      for (const value of values.filter(isLookedFor)) {
        for (const encoding of encodings.slice(0, -1)) {
          // Without its padding: that alone tells nothing.
          expect(redacted).not.toContain(encoding(value.trim()).replace(/=+$/, ""));
        }
      }
      expect(containsSecret(redacted)).toBe(false);
    }),
    runs,
  );
});

it("changes nothing but secrets: what is left stands in the input, in order", () => {
  fc.assert(
    fc.property(cases, ({ values, text }) => {
      let at = 0;
      for (const kept of redactor({ values }).text(text).split(MARK)) {
        const found = text.indexOf(kept, at);
        expect(found).toBeGreaterThanOrEqual(at);
        at = found + kept.length;
      }
    }),
    runs,
  );
});

it("can be gone on from wherever it says it is done, by one that knows nothing of before", () => {
  fc.assert(
    fc.property(cases, cuts, ({ values, text }, points) => {
      const bytes = utf8(text);
      const automaton = compile([...values.flatMap(valuePatterns), ...KNOWN_SHAPES]);
      const covered = coverage(automaton, bytes);
      for (const { consumed } of outputs(cutAt(bytes, points), byteRedactor(automaton))) {
        const again = coverage(automaton, bytes.subarray(consumed));
        // It may take more: it does not know that a word went on.
        const missed = again.findIndex((taken, i) => taken < (covered[consumed + i] ?? 0));
        expect(missed).toBe(-1);
      }
    }),
    runs,
  );
});

it("reports what it consumed without going back, and all of it at the end", () => {
  fc.assert(
    fc.property(cases, cuts, ({ values, text }, points) => {
      const bytes = utf8(text);
      const parts = outputs(cutAt(bytes, points), redactor({ values }).stream());
      const consumed = parts.map((part) => part.consumed);
      expect(consumed).toEqual(consumed.toSorted((a, b) => a - b));
      expect(consumed.at(-1)).toBe(bytes.length);
    }),
    runs,
  );
});

import { type Automaton, compile } from "./automaton.ts";
import { type ByteRedactor, byteRedactor, concat, join, MARK, type Span } from "./byte-redactor.ts";
import { customPatterns as parsed } from "./custom-patterns.ts";
import { KNOWN_SHAPES } from "./known-shapes.ts";
import { scanner } from "./scanner.ts";
import { isSensitiveKey } from "./sensitive-keys.ts";
import { valuePatterns } from "./value-pattern.ts";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export interface RedactorOptions {
  /**
   * Secrets in use. Each is found as it is and in the forms it takes in JSON, URLs and base64.
   * Values of fewer than 6 characters are not looked for.
   */
  readonly values: readonly string[];
  /** Patterns of the user, in the syntax that {@link parsePattern} describes. */
  readonly customPatterns?: readonly string[];
}

/** Takes secrets out. Every method takes time proportional to its input. */
export interface Redactor {
  /** The same text when there is nothing to take out. */
  text(text: string): string;
  /** A copy with every text redacted, keys too, and fields whose name says secret emptied. */
  json(value: Json): Json;
  /** For one stream, from its first byte. Streams must not share one. */
  stream(): ByteRedactor;
  /** Whether one of `values` is in there, in any of its forms. Shapes do not count. */
  containsSecret(content: string | Uint8Array): boolean;
  /**
   * Whether a half of one of `values` is in there: for a file that keeps long texts in pieces, such
   * as a database, where no secret can be seen whole. Halves of fewer than 6 characters do not count.
   */
  containsHalf(content: Uint8Array): boolean;
  /** The same for content that comes in parts. True from the part on that completes a secret. */
  secretDetector(): { push(bytes: Uint8Array): boolean };
}

/** Nesting beyond this is not looked into but taken out. */
const MAX_DEPTH = 100;

/** Redacts what is there whole. One at a time: it keeps the automaton's memory between calls. */
function wholeRedactor(automaton: Automaton): (bytes: Uint8Array) => Uint8Array | undefined {
  let spans: Span[] = [];
  const scan = scanner(automaton, (_origin, start, end) => join(spans, start, end, 0));
  const mark = new TextEncoder().encode(MARK);
  return (bytes) => {
    spans = [];
    const base = scan.restart();
    scan.push(bytes);
    scan.end();
    if (spans.length === 0) return undefined;
    const parts: Uint8Array[] = [];
    let at = 0;
    for (const span of spans) {
      parts.push(bytes.subarray(at, span.from - base), mark);
      at = span.to - base;
    }
    parts.push(bytes.subarray(at));
    return concat(parts);
  };
}

const halvesOf = (values: readonly string[]): readonly string[] => [
  ...new Set(
    values.flatMap((value) => {
      const known = value.trim();
      const half = Math.ceil(known.length / 2);
      return [known.slice(0, half), known.slice(-half)];
    }),
  ),
];

/** @throws PatternError when a custom pattern is not understood */
export function redactor({ values, customPatterns = [] }: RedactorOptions): Redactor {
  const ofValues = [...new Set(values)].flatMap(valuePatterns);
  const onlyValues = compile(ofValues);
  const everything = compile([...ofValues, ...KNOWN_SHAPES, ...parsed(customPatterns)]);
  const redactWhole = wholeRedactor(everything);
  let onlyHalves: Automaton | undefined;
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();

  function text(original: string): string {
    const redacted = redactWhole(encoder.encode(original));
    return redacted === undefined ? original : decoder.decode(redacted);
  }

  function json(value: Json, sensitive: boolean, depth: number): Json {
    if (typeof value === "string") return sensitive ? MARK : text(value);
    if (typeof value !== "object" || value === null) return value;
    if (depth === MAX_DEPTH) return MARK;
    if (Array.isArray(value)) {
      return value.map((item: Json) => json(item, sensitive, depth + 1));
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        text(key),
        json(item, sensitive || isSensitiveKey(key), depth + 1),
      ]),
    );
  }

  function detector(automaton: Automaton) {
    let found = false;
    const scan = scanner(automaton, () => {
      found = true;
    });
    return {
      push(bytes: Uint8Array) {
        if (!found) scan.push(bytes);
        return found;
      },
    };
  }

  return {
    text,
    json: (value) => json(value, false, 0),
    stream: () => byteRedactor(everything),
    secretDetector: () => detector(onlyValues),
    containsSecret(content) {
      const bytes = typeof content === "string" ? encoder.encode(content) : content;
      return detector(onlyValues).push(bytes);
    },
    containsHalf(content) {
      onlyHalves ??= compile(halvesOf(values).flatMap(valuePatterns));
      return detector(onlyHalves).push(content);
    },
  };
}

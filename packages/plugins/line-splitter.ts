/** Longest line that is kept, in bytes. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;

const EXCERPT_BYTES = 200;
const NEWLINE = 0x0a;

export type SplitLine =
  | { readonly number: number; readonly text: string }
  /** Longer than {@link MAX_LINE_BYTES}; only its beginning is known. */
  | { readonly number: number; readonly tooLong: string };

/** Lines of a byte stream, whatever the pieces it comes in. Invalid UTF-8 becomes U+FFFD. */
export interface LineSplitter {
  push(bytes: Uint8Array): readonly SplitLine[];
  /** The last line, where the stream ended without a newline. */
  end(): readonly SplitLine[];
}

export function lineSplitter(maxBytes = MAX_LINE_BYTES): LineSplitter {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let number = 0;

  /** Keeps a piece of a line while the line may still be kept, and of a longer one the beginning. */
  const keep = (piece: Uint8Array) => {
    const before = bytes;
    bytes += piece.byteLength;
    if (bytes <= maxBytes) parts.push(piece.slice());
    else if (before <= maxBytes) parts = [concat([...parts, piece]).slice(0, EXCERPT_BYTES)];
  };
  const take = (): SplitLine => {
    number += 1;
    const text = decoder.decode(concat(parts));
    const line = bytes > maxBytes ? { number, tooLong: text } : { number, text };
    parts = [];
    bytes = 0;
    return line;
  };

  return {
    push(chunk) {
      const lines: SplitLine[] = [];
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        keep(chunk.subarray(from, at));
        lines.push(take());
        from = at + 1;
      }
      if (from < chunk.byteLength) keep(chunk.subarray(from));
      return lines;
    },
    end: () => (bytes === 0 ? [] : [take()]),
  };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const [only, second] = parts;
  if (only && !second) return only;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

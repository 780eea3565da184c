/** Longest line that is kept, in bytes. */
export const MAX_LINE_BYTES = 8 * 1024 * 1024;

const EXCERPT_BYTES = 200;
const FIRST_BUFFER_BYTES = 4 * 1024;
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
  /** Lines so far. */
  readonly lines: number;
}

export function lineSplitter(maxBytes = MAX_LINE_BYTES): LineSplitter {
  const decoder = new TextDecoder();
  /** Beginning of the line that is not over; of one that is too long, only an excerpt. */
  let kept = new Uint8Array(FIRST_BUFFER_BYTES);
  let length = 0;
  let number = 0;

  /** One buffer that grows, and no list of pieces: they may be of one byte each. */
  function keep(piece: Uint8Array) {
    const before = length;
    length += piece.byteLength;
    if (before > maxBytes) return;
    const wanted = Math.min(length, maxBytes);
    if (wanted > kept.byteLength) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(wanted, kept.byteLength * 2)));
      larger.set(kept.subarray(0, before));
      kept = larger;
    }
    kept.set(piece.subarray(0, wanted - before), before);
    if (length > maxBytes) kept = kept.slice(0, EXCERPT_BYTES);
  }

  function take(): SplitLine {
    number += 1;
    const tooLong = length > maxBytes;
    const text = decoder.decode(kept.subarray(0, Math.min(length, kept.byteLength)));
    if (kept.byteLength > FIRST_BUFFER_BYTES) kept = new Uint8Array(FIRST_BUFFER_BYTES);
    length = 0;
    return tooLong ? { number, tooLong: text } : { number, text };
  }

  return {
    get lines() {
      return number;
    },
    push(chunk) {
      const lines: SplitLine[] = [];
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        keep(chunk.subarray(from, at));
        lines.push(take());
        from = at + 1;
      }
      keep(chunk.subarray(from));
      return lines;
    },
    end: () => (length === 0 ? [] : [take()]),
  };
}

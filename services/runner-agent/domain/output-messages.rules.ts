import { OUTPUT_MESSAGE_BYTES, type OutputBytes } from "@pitaya/protocol";

export type OutputStream = "stdout" | "stderr";

/** Redacted bytes, and the range of the agent's own bytes they stand for. */
export interface OutputSegment {
  readonly stream: OutputStream;
  readonly fromOffset: number;
  readonly toOffset: number;
  readonly bytes: Uint8Array;
}

/** How far each stream is published. */
export interface OutputCursor {
  readonly next: Readonly<Record<OutputStream, number>>;
  /** The next byte published begins a line. */
  readonly atLineStart: Readonly<Record<OutputStream, boolean>>;
}

export const FRESH_CURSOR: OutputCursor = {
  next: { stdout: 0, stderr: 0 },
  atLineStart: { stdout: true, stderr: true },
};

export interface OutputMessage {
  readonly head: OutputBytes;
  readonly body: Uint8Array;
}

const NEWLINE = 0x0a;

/** Where adoption goes on after this message, and how the next one begins. */
export function cursorAfter(
  cursor: OutputCursor,
  { head }: Pick<OutputMessage, "head">,
): OutputCursor {
  return {
    next: { stdout: head.nextStdout, stderr: head.nextStderr },
    atLineStart: { ...cursor.atLineStart, [head.stream]: head.endsLine },
  };
}

/**
 * Puts what was read since the last messages into as few as their size allows: segments of one
 * stream are joined, and the streams follow each other in the order they first spoke.
 */
export function packOutput(
  segments: readonly OutputSegment[],
  before: OutputCursor,
  maxBytes = OUTPUT_MESSAGE_BYTES,
): { readonly messages: readonly OutputMessage[]; readonly cursor: OutputCursor } {
  const messages: OutputMessage[] = [];
  let cursor = before;
  const streams = [...new Set(segments.map(({ stream }) => stream))];
  for (const stream of streams) {
    for (const run of runsOf(segments, stream, maxBytes)) {
      const endsLine = run.bytes.at(-1) === NEWLINE;
      const next = { ...cursor.next, [stream]: run.toOffset };
      const head: OutputBytes = {
        kind: "bytes",
        stream,
        offset: run.fromOffset,
        nextStdout: next.stdout,
        nextStderr: next.stderr,
        beginsLine: cursor.atLineStart[stream],
        endsLine,
      };
      const message = { head, body: run.bytes };
      messages.push(message);
      cursor = cursorAfter(cursor, message);
    }
  }
  return { messages, cursor };
}

/** One stream's segments, joined up to the limit, and cut where a single one is over it. */
function runsOf(
  segments: readonly OutputSegment[],
  stream: OutputStream,
  maxBytes: number,
): OutputSegment[] {
  const runs: OutputSegment[] = [];
  let joined: OutputSegment[] = [];
  let size = 0;
  const close = () => {
    const [first] = joined;
    const last = joined.at(-1);
    if (first && last) {
      const bytes = joined.length === 1 ? first.bytes : concat(joined, size);
      runs.push({ ...first, toOffset: last.toOffset, bytes });
    }
    joined = [];
    size = 0;
  };
  for (const segment of segments.filter((s) => s.stream === stream && s.bytes.byteLength > 0)) {
    for (const piece of cut(segment, maxBytes)) {
      const follows = joined.at(-1)?.toOffset === piece.fromOffset;
      if (joined.length > 0 && (!follows || size + piece.bytes.byteLength > maxBytes)) close();
      joined.push(piece);
      size += piece.bytes.byteLength;
    }
  }
  close();
  return runs;
}

/**
 * Where redaction changed the length, no place inside the segment has an offset of its own: all but
 * the last piece say that nothing of it is done, so that adoption repeats some rather than loses any.
 */
function cut(segment: OutputSegment, maxBytes: number): OutputSegment[] {
  const { bytes, fromOffset, toOffset } = segment;
  if (bytes.byteLength <= maxBytes) return [segment];
  const isExact = toOffset - fromOffset === bytes.byteLength;
  const pieces: OutputSegment[] = [];
  for (let at = 0; at < bytes.byteLength; at += maxBytes) {
    const end = Math.min(at + maxBytes, bytes.byteLength);
    const isLast = end === bytes.byteLength;
    pieces.push({
      ...segment,
      bytes: bytes.subarray(at, end),
      fromOffset: isExact ? fromOffset + at : fromOffset,
      toOffset: isLast ? toOffset : isExact ? fromOffset + end : fromOffset,
    });
  }
  return pieces;
}

function concat(segments: readonly OutputSegment[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const { bytes } of segments) {
    all.set(bytes, at);
    at += bytes.byteLength;
  }
  return all;
}

import type { Automaton } from "./automaton.ts";
import { scanner } from "./scanner.ts";

export const MARK = "[REDACTED]";
const MARK_BYTES = new TextEncoder().encode(MARK);

/** Bytes kept at most while they cannot be given out; see {@link ByteRedactor.push}. */
const MAX_HELD_BYTES = 256 * 1024;

/** What may go out: the redacted form of exactly the input between the last `consumed` and this. */
export interface Redacted {
  readonly bytes: Uint8Array;
  /** Position in the input, counted from the first byte ever pushed. */
  readonly consumed: number;
}

/** Redacts one stream. Its output does not depend on how the input is cut into pushes. */
export interface ByteRedactor {
  /**
   * Takes bytes and gives out what is decided. `consumed` is a safe place to go on from with a new
   * redactor: no secret, and nothing a secret is told by, reaches over it. (Where that would take
   * more than 256 KiB of memory, as only input made for the purpose does, it is let go of.)
   */
  push(bytes: Uint8Array): Redacted;
  /** No more bytes: gives out the rest. */
  end(): Redacted;
  /** Bytes in memory now. */
  readonly heldBytes: number;
}

/** A stretch of the input, in absolute positions. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Adds a span that ends no earlier than those before it, and makes one of all that share at least
 * `overlap` bytes with it: 0 joins also what only touches.
 */
export function join(spans: Span[], from: number, to: number, overlap: 0 | 1): void {
  let start = from;
  for (let top = spans.at(-1); top && top.to >= start + overlap; top = spans.at(-1)) {
    start = Math.min(start, top.from);
    spans.pop();
  }
  spans.push({ from: start, to });
}

/** Input that has not gone out; without bytes where it is known to be secret. */
interface Piece extends Span {
  readonly bytes?: Uint8Array;
}

export function byteRedactor(automaton: Automaton): ByteRedactor {
  /** Covered by matches, touching ones as one: each becomes one mark. */
  const secrets: Span[] = [];
  /** The same with their contexts, but each for itself: never cut in two. */
  const matches: Span[] = [];
  const scan = scanner(automaton, (origin, start, end) => {
    join(secrets, start, end, 0);
    join(matches, origin, end, 1);
  });
  let held: Piece[] = [];
  let heldBytes = 0;
  let consumed = 0;
  let position = 0;
  let markedTo = -1;

  /** Keeps a copy of what is not covered yet; what is covered is only counted. */
  function hold(bytes: Uint8Array) {
    const from = position - bytes.length;
    let at = from;
    const keep = (to: number) => {
      if (to <= at) return;
      held.push({ from: at, to, bytes: bytes.slice(at - from, to - from) });
      heldBytes += to - at;
      at = to;
    };
    for (const secret of secrets) {
      if (secret.to <= at) continue;
      keep(Math.max(at, secret.from));
      held.push({ from: at, to: secret.to });
      at = secret.to;
    }
    keep(position);
  }

  function safePosition(): number {
    const undecided = scan.undecidedFrom();
    if (heldBytes > MAX_HELD_BYTES) return Math.max(consumed, undecided);
    const across = matches.find((match) => match.from < undecided && undecided < match.to);
    return Math.max(consumed, across ? across.from : undecided);
  }

  /** The output for the input up to `to`, which is decided. */
  function release(to: number): Redacted {
    const parts: Uint8Array[] = [];
    const rest: Piece[] = [];
    let next = 0;
    for (const piece of held) {
      let at = piece.from;
      const end = Math.min(piece.to, to);
      const keep = (until: number) => {
        if (until <= at) return;
        if (piece.bytes) parts.push(piece.bytes.subarray(at - piece.from, until - piece.from));
        at = until;
      };
      for (let secret = secrets[next]; at < end && secret; secret = secrets[next]) {
        if (secret.from >= end) break;
        keep(secret.from);
        if (secret.to > at) {
          // A secret that went out in part before stays under the mark it has.
          if (markedTo < secret.from) parts.push(MARK_BYTES);
          markedTo = secret.to;
          at = Math.min(secret.to, end);
        }
        if (secret.to > end) break;
        next += 1;
      }
      keep(end);
      if (piece.to > to) rest.push(tailOf(piece, Math.max(to, piece.from)));
    }
    held = rest;
    heldBytes = rest.reduce((sum, piece) => sum + (piece.bytes?.length ?? 0), 0);
    consumed = to;
    dropUntil(matches, (match) => match.to > to);
    dropUntil(secrets, (secret) => secret.to >= to);
    return { bytes: concat(parts), consumed };
  }

  return {
    get heldBytes() {
      return heldBytes;
    },
    push(bytes) {
      scan.push(bytes);
      position += bytes.length;
      hold(bytes);
      return release(safePosition());
    },
    end() {
      scan.end();
      return release(position);
    },
  };
}

function tailOf(piece: Piece, from: number): Piece {
  const bytes = piece.bytes?.subarray(from - piece.from);
  return { from, to: piece.to, ...(bytes && { bytes }) };
}

function dropUntil(spans: Span[], stays: (span: Span) => boolean): void {
  const first = spans.findIndex(stays);
  spans.splice(0, first < 0 ? spans.length : first);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

import type { Automaton } from "./automaton.ts";
import { beginningsOf } from "./beginnings.ts";
import { beginsEscape, isInEscape, isInWord, WORD_CONTEXT } from "./word-context.ts";

/**
 * A match, in absolute positions: the bytes from `start` to `end` are secret, and without those
 * from `origin` on it would not have been found.
 */
export type OnMatch = (origin: number, start: number, end: number) => void;

/**
 * Reads bytes one by one and reports every match of every pattern; matches may overlap, and a match
 * that can go on is reported again, longer. The same bytes give the same matches however they are
 * cut into pushes.
 */
export interface Scanner {
  push(bytes: Uint8Array): void;
  /** No more bytes. */
  end(): void;
  /** Forgets all it has read and begins anew. Positions go on: gives the one of the next byte. */
  restart(): number;
  /**
   * Start of the earliest match that is undecided or can go on, or of an escape that is not over;
   * the position if there is none. From there on another scanner finds the same matches, or more.
   */
  undecidedFrom(): number;
}

const UNSET = Number.POSITIVE_INFINITY;

/** One possible match on its way, in the state that its index says. */
interface Lanes {
  /** States in use, the first `count` of them. */
  readonly active: Int32Array;
  count: number;
  /** Which step a state was entered in: tells whether the values below are of this step. */
  readonly entered: Float64Array;
  readonly origin: Float64Array;
  readonly start: Float64Array;
  /** Position up to which this match is decided: its origin, then the end of its last report. */
  readonly decided: Float64Array;
}

const lanes = (states: number): Lanes => ({
  active: new Int32Array(states),
  count: 0,
  entered: new Float64Array(states).fill(-1),
  origin: new Float64Array(states),
  start: new Float64Array(states),
  decided: new Float64Array(states),
});

/*
 * At most one match is on its way in each state. Of two that meet in one, the one that began its
 * secret earlier stays, since it covers the other's bytes; before the secret, the later one, since
 * it holds back less.
 */
export function scanner(automaton: Automaton, onMatch: OnMatch): Scanner {
  const { followAt, follow, accepts, setOf, secret, last } = automaton;
  const beginnings = beginningsOf(automaton);
  const followedBy = Array.from(automaton.pattern, (p) => automaton.patterns[p]?.followedBy);
  const longest = Float64Array.from(
    automaton.pattern,
    (p) => automaton.patterns[p]?.maxUndecidedBytes ?? 0,
  );
  let now = lanes(automaton.states);
  let next = lanes(automaton.states);
  let position = 0;
  let word = 0;
  let escapeFrom = 0;

  function enter(state: number, origin: number, from: number, decided: number) {
    const inSecret = secret[state] === 1;
    const start = from === UNSET && inSecret ? position : from;
    if (position - decided > (longest[state] ?? 0)) return;
    if (next.entered[state] === position) {
      const known = next.start[state] ?? UNSET;
      const better = start < known || (start === known && origin > (next.origin[state] ?? 0));
      if (!better) return;
    } else {
      next.entered[state] = position;
      next.active[next.count] = state;
      next.count += 1;
    }
    next.origin[state] = origin;
    next.start[state] = start;
    next.decided[state] = decided;
  }

  /** Reports the matches that only waited for the byte after them; -1 is the end. */
  function reportFollowed(state: number, byte: number) {
    const wanted = followedBy[state];
    if (last[state] !== 1 || !wanted) return;
    if (byte < 0 ? wanted.atEnd : wanted.set[byte] === 1) {
      onMatch(now.origin[state] ?? 0, now.start[state] ?? 0, position);
    }
  }

  function step(byte: number) {
    next.count = 0;
    for (let i = 0; i < now.count; i += 1) {
      const state = now.active[i] ?? 0;
      reportFollowed(state, byte);
      const origin = now.origin[state] ?? 0;
      const start = now.start[state] ?? UNSET;
      const decided = now.decided[state] ?? 0;
      for (let j = followAt[state] ?? 0; j < (followAt[state + 1] ?? 0); j += 1) {
        const to = follow[j] ?? 0;
        if (accepts[((setOf[to] ?? 0) << 8) | byte] === 1) enter(to, origin, start, decided);
      }
    }
    const beginning = (isInWord(word) ? beginnings.inWord : beginnings.anywhere)[byte];
    if (beginning !== undefined && beginning.length > 0) {
      // Begun inside an escape, it needs the whole of it, to be found again.
      const origin = isInEscape(word) ? escapeFrom : position;
      for (let i = 0; i < beginning.length; i += 1) {
        enter(beginning[i] ?? 0, origin, UNSET, position);
      }
    }
    if (beginsEscape(byte)) escapeFrom = position;
    position += 1;
    word = WORD_CONTEXT[(word << 8) | byte] ?? 0;
    if (next.count === 0 && now.count === 0) return;
    [now, next] = [next, now];
    for (let i = 0; i < now.count; i += 1) {
      const state = now.active[i] ?? 0;
      if (last[state] !== 1 || followedBy[state]) continue;
      now.decided[state] = position;
      onMatch(now.origin[state] ?? 0, now.start[state] ?? 0, position);
    }
  }

  /**
   * Passes over bytes that begin nothing, or nothing that the byte after them goes on with, and
   * gives the index of the first other one. What the last byte begins is left open.
   */
  function skip(bytes: Uint8Array, from: number): number {
    const { one, two } = beginnings;
    let context = word;
    let i = from;
    for (; i < bytes.length; i += 1) {
      const byte = bytes[i] ?? 0;
      const inWord = isInWord(context) ? 1 : 0;
      if (one[(inWord << 8) | byte] === 1) {
        if (i + 1 === bytes.length) break;
        if (two[(inWord << 16) | (byte << 8) | (bytes[i + 1] ?? 0)] === 1) break;
      }
      if (beginsEscape(byte)) escapeFrom = position + i - from;
      context = WORD_CONTEXT[(context << 8) | byte] ?? 0;
    }
    position += i - from;
    word = context;
    return i;
  }

  return {
    push(bytes) {
      for (let i = now.count === 0 ? skip(bytes, 0) : 0; i < bytes.length; ) {
        step(bytes[i] ?? 0);
        i = now.count === 0 ? skip(bytes, i + 1) : i + 1;
      }
    },
    end() {
      for (let i = 0; i < now.count; i += 1) reportFollowed(now.active[i] ?? 0, -1);
      now.count = 0;
    },
    restart() {
      now.count = 0;
      word = 0;
      return position;
    },
    undecidedFrom() {
      let from = isInEscape(word) ? escapeFrom : position;
      for (let i = 0; i < now.count; i += 1) {
        const state = now.active[i] ?? 0;
        const goesOn = followAt[state] !== followAt[state + 1] || followedBy[state] !== undefined;
        if (goesOn) from = Math.min(from, now.origin[state] ?? from);
      }
      return from;
    },
  };
}

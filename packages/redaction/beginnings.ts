import type { Automaton } from "./automaton.ts";

/** Where matches can begin. Most bytes begin none, and passing over them is what takes the time. */
export interface Beginnings {
  /** States to begin with, by byte. */
  readonly anywhere: readonly Int32Array[];
  /** The same where a word goes on. */
  readonly inWord: readonly Int32Array[];
  /** 1 at `(inWord << 8) | byte` where something begins. */
  readonly one: Uint8Array;
  /** 1 at `(inWord << 16) | (byte << 8) | next` where it also goes on, or is a match already. */
  readonly two: Uint8Array;
}

const known = new WeakMap<Automaton, Beginnings>();

/** Worked out once for an automaton. */
export function beginningsOf(automaton: Automaton): Beginnings {
  const beginnings = known.get(automaton) ?? workOut(automaton);
  known.set(automaton, beginnings);
  return beginnings;
}

function workOut(automaton: Automaton): Beginnings {
  const { first, last, follow, followAt, accepts, setOf } = automaton;
  const atWordStart = (state: number) =>
    automaton.patterns[automaton.pattern[state] ?? 0]?.atWordStart === true;
  const anywhere = first;
  const inWord = first.map((states) => states.filter((state) => !atWordStart(state)));
  const one = new Uint8Array(2 << 8);
  const two = new Uint8Array(2 << 16);

  function markSecond(state: number, at: number) {
    if (last[state] === 1) two.fill(1, at, at + 256);
    for (let j = followAt[state] ?? 0; j < (followAt[state + 1] ?? 0); j += 1) {
      const set = (setOf[follow[j] ?? 0] ?? 0) << 8;
      for (let next = 0; next < 256; next += 1) {
        if (accepts[set | next] === 1) two[at | next] = 1;
      }
    }
  }

  for (const [context, states] of [anywhere, inWord].entries()) {
    for (const [byte, beginning] of states.entries()) {
      if (beginning.length > 0) one[(context << 8) | byte] = 1;
      for (const state of beginning) markSecond(state, (context << 16) | (byte << 8));
    }
  }
  return { anywhere, inWord, one, two };
}

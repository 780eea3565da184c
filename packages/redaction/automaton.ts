import type { ByteSet } from "./byte-set.ts";
import type { Node, Pattern } from "./pattern.ts";

/**
 * Patterns as one automaton without empty moves (Glushkov's): a state stands for one place of a
 * pattern that a byte can fill. Reading costs a bounded number of steps a byte, whatever the input.
 */
export interface Automaton {
  readonly states: number;
  /** States that may follow state `s`: `follow[followAt[s] … followAt[s + 1])`. */
  readonly followAt: Int32Array;
  readonly follow: Int32Array;
  /** `accepts[(setOf[s] << 8) | byte]` is 1 when the byte can fill state `s`. */
  readonly accepts: Uint8Array;
  readonly setOf: Int32Array;
  /** 1 in the part of the pattern that is taken out, 0 in its context. */
  readonly secret: Uint8Array;
  /** 1 where a match can end. */
  readonly last: Uint8Array;
  /** States a match can begin with, by its first byte. */
  readonly first: readonly Int32Array[];
  readonly pattern: Int32Array;
  readonly patterns: readonly Pattern[];
}

interface Part {
  readonly nullable: boolean;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const EMPTY: Part = { nullable: true, first: [], last: [] };

/** Sets that were seen before, as texts that compare: patterns live as long as the program. */
const KEYS = new WeakMap<ByteSet, string>();

export function compile(patterns: readonly Pattern[]): Automaton {
  const sets = new Map<string, number>();
  const tables: ByteSet[] = [];
  const setOf: number[] = [];
  const followers: number[][] = [];
  const secret: number[] = [];
  const patternOf: number[] = [];
  const last = new Set<number>();
  const firsts: number[] = [];

  function setNumber(set: ByteSet): number {
    const key = KEYS.get(set) ?? String.fromCharCode(...set);
    KEYS.set(set, key);
    const known = sets.get(key);
    if (known !== undefined) return known;
    sets.set(key, tables.length);
    tables.push(set);
    return tables.length - 1;
  }

  function state(set: ByteSet, place: { pattern: number; secret: boolean }): number {
    setOf.push(setNumber(set));
    followers.push([]);
    secret.push(place.secret ? 1 : 0);
    patternOf.push(place.pattern);
    return setOf.length - 1;
  }

  function link(from: readonly number[], to: readonly number[]) {
    for (const state of from) followers[state]?.push(...to);
  }

  function joined(before: Part, after: Part): Part {
    link(before.last, after.first);
    return {
      nullable: before.nullable && after.nullable,
      first: before.nullable ? [...before.first, ...after.first] : before.first,
      last: after.nullable ? [...before.last, ...after.last] : after.last,
    };
  }

  function build(node: Node, place: { pattern: number; secret: boolean }): Part {
    switch (node.kind) {
      case "byte": {
        const only = [state(node.set, place)];
        return { nullable: false, first: only, last: only };
      }
      case "sequence": {
        let part = EMPTY;
        for (const item of node.items) part = joined(part, build(item, place));
        return part;
      }
      case "either": {
        const parts = node.items.map((item) => build(item, place));
        return {
          nullable: parts.some((part) => part.nullable),
          first: parts.flatMap((part) => part.first),
          last: parts.flatMap((part) => part.last),
        };
      }
      case "repeat": {
        const copies = node.max === undefined ? Math.max(0, node.min - 1) : node.min;
        let part = EMPTY;
        for (let i = 0; i < copies; i += 1) part = joined(part, build(node.item, place));
        if (node.max === undefined) {
          const loop = build(node.item, place);
          link(loop.last, loop.first);
          return joined(part, { ...loop, nullable: loop.nullable || node.min === 0 });
        }
        // (item (item …)?)?, so that each copy follows only the one before it.
        let rest = EMPTY;
        for (let i = node.min; i < node.max; i += 1) {
          rest = { ...joined(build(node.item, place), rest), nullable: true };
        }
        return joined(part, rest);
      }
    }
  }

  for (const [pattern, { context, secret: taken }] of patterns.entries()) {
    const before = context ? build(context, { pattern, secret: false }) : EMPTY;
    const whole = joined(before, build(taken, { pattern, secret: true }));
    firsts.push(...whole.first);
    for (const state of whole.last) last.add(state);
  }

  const states = setOf.length;
  const accepts = new Uint8Array(tables.length << 8);
  for (const [number, table] of tables.entries()) accepts.set(table, number << 8);
  const followAt = new Int32Array(states + 1);
  for (const [state, to] of followers.entries()) {
    followAt[state + 1] = (followAt[state] ?? 0) + to.length;
  }
  const follow = new Int32Array(followAt[states] ?? 0);
  for (const [state, to] of followers.entries()) follow.set(to, followAt[state]);
  const first = Array.from({ length: 256 }, (_, byte) =>
    Int32Array.from(firsts.filter((state) => tables[setOf[state] ?? 0]?.[byte] === 1)),
  );
  return {
    states,
    followAt,
    follow,
    accepts,
    setOf: Int32Array.from(setOf),
    secret: Uint8Array.from(secret),
    last: Uint8Array.from({ length: states }, (_, state) => (last.has(state) ? 1 : 0)),
    first,
    pattern: Int32Array.from(patternOf),
    patterns,
  };
}

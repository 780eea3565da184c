import { subjects } from "@pitaya/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogMessage } from "../run-log.ts";
import { wholeLog } from "../testing/index.ts";
import { runVerifier } from "./verify-run.ts";

const messages = wholeLog();

function found(log: readonly LogMessage[]) {
  const verifier = runVerifier();
  for (const message of log) verifier.take(message);
  const { violations, setAside } = verifier.end();
  // Without a row in the list of runs, whose lack is a violation of its own.
  return { violations: violations.filter(({ rule }) => rule !== "totals"), setAside };
}

const aside = new Set(found(messages).setAside.map(({ sequence }) => sequence));

/** Messages of chains, with another of the same writer or the next after them. */
const followed = messages.flatMap((message, at) => {
  const chained = subjects.note.parse(message.subject) === undefined;
  const next = messages.slice(at + 1).find(({ subject }) => subject === message.subject);
  // A seal says what it ends by its place in the stream alone.
  const isSeal = next && Buffer.from(next.payload).includes('"by":"coordinator"');
  const isAside = next && aside.has(next.sequence);
  return chained && next && !isSeal && !isAside ? [at] : [];
});

test("every beginning of a log holds", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: messages.length }), (length) => {
      expect(found(messages.slice(0, length)).violations).toEqual([]);
    }),
    { seed: 1, numRuns: 30 },
  );
});

test("whichever message of a chain is lost, that is seen", () => {
  fc.assert(
    fc.property(fc.constantFrom(...followed), (lost) => {
      const { violations } = found(messages.filter((_, at) => at !== lost));
      expect(violations.map(({ rule }) => rule)).toContain("chain");
    }),
    { seed: 1, numRuns: 40 },
  );
});

test("whichever message of a chain that goes on is stored twice, that is seen", () => {
  fc.assert(
    fc.property(fc.constantFrom(...followed), (twice) => {
      const copy = messages[twice];
      if (copy === undefined) return;
      // Where its chain still goes on: a copy after its end only shows as set aside.
      const log = [...messages.slice(0, twice + 1), copy, ...messages.slice(twice + 1)].map(
        (message, at) => ({ ...message, sequence: at + 1 }),
      );
      expect(found(log).violations.map(({ rule }) => rule)).toContain("chain");
    }),
    { seed: 1, numRuns: 40 },
  );
});

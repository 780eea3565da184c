import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { posixWords } from "./posix-words.rules.ts";

const chars = fc.constantFrom(..."ab$`\\\"' \t\n*-={}é😀");
const word = fc.string({ unit: chars, maxLength: 12 });

/** Ways to write a word, each as good as the other. */
const written: readonly ((word: string) => string)[] = [
  (text) => `'${text.replaceAll("'", "'\\''")}'`,
  (text) => `"${text.replaceAll(/[$`"\\]/g, "\\$&")}"`,
  // A line's end cannot be escaped: it would go on.
  (text) =>
    text === ""
      ? "''"
      : text.replaceAll(/[^ab]/gu, (char) => (char === "\n" ? "'\n'" : `\\${char}`)),
];

const lines = fc
  .array(fc.tuple(word, fc.constantFrom(...written)), { maxLength: 8 })
  .map((parts) => ({
    words: parts.map(([text]) => text),
    line: parts.map(([text, write]) => write(text)).join(" \t"),
  }));

test("words come out as they were written", () => {
  fc.assert(
    fc.property(lines, ({ words, line }) => {
      expect(posixWords(line)).toEqual(words);
    }),
  );
});

test("what is not refused is split as a shell splits it", () => {
  // Nothing that a shell would expand or take for an operator.
  const text = fc.string({ unit: fc.constantFrom(..."abc\\\"' \t"), maxLength: 14 });
  const split = fc.sample(text, { numRuns: 300, seed: 7 }).flatMap((line) => {
    try {
      return [{ line, words: posixWords(line) }];
    } catch {
      return [];
    }
  });
  expect(split.length).toBeGreaterThan(100);
  const script = split.map(({ line }) => `printf '<%s>' ${line}\necho\n`).join("");
  const shell = execFileSync("sh", [], { input: script, encoding: "utf8" });
  const ours = split.map(({ words }) => (words.length === 0 ? [""] : words));
  expect(shell).toBe(
    ours.map((words) => `${words.map((word) => `<${word}>`).join("")}\n`).join(""),
  );
});

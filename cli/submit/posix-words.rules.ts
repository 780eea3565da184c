import { PitayaError } from "@pitaya/protocol";
import { printable } from "../output/printable.rules.ts";

/**
 * Splits words as a POSIX shell does, without expanding anything: blanks separate, quotes and
 * backslashes join.
 *
 * @throws {PitayaError} `usage` for a quote that is not closed, or a backslash at the end, by its place
 */
export function posixWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  let openedAt = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? "";
    if (quote === "'") {
      if (c === "'") quote = undefined;
      else word += c;
    } else if (c === "\\") {
      const next = text[++i];
      if (next === undefined) throw malformed(text, "a backslash escapes nothing", i - 1);
      const escapes = quote === undefined || '$`"\\\n'.includes(next);
      word = `${word ?? ""}${escapes ? "" : "\\"}${next === "\n" ? "" : next}`;
    } else if (quote === '"') {
      if (c === '"') quote = undefined;
      else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      openedAt = i;
      word ??= "";
    } else if (/[ \t\n]/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = `${word ?? ""}${c}`;
    }
  }
  if (quote !== undefined) throw malformed(text, `a ${quote} is not closed`, openedAt);
  return word === undefined ? words : [...words, word];
}

const malformed = (text: string, why: string, at: number) =>
  new PitayaError("usage", `--cli-args, character ${at + 1}: ${why}: ${printable(text)}`, {
    hint: "Quote as in a POSIX shell, or give each token with --cli-arg.",
  });

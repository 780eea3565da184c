import fc from "fast-check";
import { expect, it } from "vitest";
import { compile } from "./automaton.ts";
import { PatternError, parsePattern } from "./pattern.ts";
import { scanner } from "./scanner.ts";

const atom = fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\d", "1");
const quantifier = fc.constantFrom("", "", "*", "+", "?", "{2}", "{1,3}", "{2,}");

/** Patterns that both our engine and JavaScript's read the same way. */
const { pattern } = fc.letrec<{ pattern: string; part: string; item: string }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 2 },
    atom,
    fc.tuple(tie("pattern")).map(([inside]) => `(?:${inside})`),
  ),
  part: fc
    .array(fc.tuple(tie("item"), quantifier), { minLength: 1, maxLength: 4 })
    .map((items) => items.map(([item, count]) => item + count).join("")),
  pattern: fc.array(tie("part"), { minLength: 1, maxLength: 2 }).map((parts) => parts.join("|")),
}));

// JavaScript's engine takes exponentially long for some patterns on longer ones.
const texts = fc.string({ unit: fc.constantFrom(..."aabc1 \n"), maxLength: 7 });

function coveredBy(source: string, text: string): string {
  const covered = [...text].map(() => ".");
  const scan = scanner(compile([parsePattern(source)]), (_, start, end) =>
    covered.fill("#", start, end),
  );
  scan.push(new TextEncoder().encode(text));
  scan.end();
  return covered.join("");
}

/** Every match of every part of the text, by trying them all. */
function coveredByTrying(source: string, text: string): string {
  const whole = new RegExp(`^(?:${source})$`);
  const covered = [...text].map(() => ".");
  for (let from = 0; from < text.length; from += 1) {
    for (let to = from + 1; to <= text.length; to += 1) {
      if (whole.test(text.slice(from, to))) covered.fill("#", from, to);
    }
  }
  return covered.join("");
}

function isTooLarge(source: string): boolean {
  try {
    parsePattern(source);
    return false;
  } catch (error) {
    if (error instanceof PatternError && error.message.includes("too large")) return true;
    throw error;
  }
}

it("covers what the usual regular expressions could match anywhere", () => {
  const canBeEmpty = (source: string) => new RegExp(`^(?:${source})$`).test("");
  fc.assert(
    fc.property(
      pattern.filter((source) => !canBeEmpty(source) && !isTooLarge(source)),
      texts,
      (source, text) => {
        expect(coveredBy(source, text)).toBe(coveredByTrying(source, text));
      },
    ),
    { numRuns: 300 },
  );
});

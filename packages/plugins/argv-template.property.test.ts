import fc from "fast-check";
import { expect, it } from "vitest";
import { isLongArgument } from "./argument-bytes.ts";
import { fillTemplate } from "./argv-template.ts";

const word = fc.constantFrom(
  "x",
  "-o",
  "--",
  "{prompt}",
  "--k={prompt}",
  "{prompt_file}",
  "{args}",
);
const template = fc.array(word, { maxLength: 6 }).map((words) => ["agent", ...words]);
const prompt = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom("-x", "--", "--k", "{prompt}", "{args}", "-".repeat(100_000), "é".repeat(60_000)),
);
const args: fc.Arbitrary<string[]> = fc.array(fc.constantFrom("-a", "{prompt}", "b"), {
  maxLength: 2,
});

it("a prompt is never an option and never too long, and always told", () => {
  fc.assert(
    fc.property(template, prompt, args, (words, text, given) => {
      const values = { prompt: text, model: undefined, args: given };
      const { argv, stdin, problems } = fillTemplate(words, values);
      if (problems.length > 0) return;
      expect(argv[0]).toBe("agent");
      expect(argv.some(isLongArgument)).toBe(false);
      const places = words.filter((each) => each.includes("{prompt}"));
      const inArgv = argv.some((each) => each === text || each === `--k=${text}`);
      expect(places.length > 0 && !isLongArgument(text) ? inArgv : stdin === text).toBe(true);
      const at = argv.findIndex((each) => each === text && !given.includes(each) && each !== "--");
      const isOption = at > 0 && text.startsWith("-") && places.includes("{prompt}");
      if (isOption && !words.includes(text)) expect(argv.slice(0, at)).toContain("--");
    }),
    { numRuns: 2_000 },
  );
});

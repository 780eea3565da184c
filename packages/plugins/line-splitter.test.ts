import fc from "fast-check";
import { expect, it } from "vitest";
import { lineSplitter } from "./line-splitter.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const textsOf = (lines: readonly object[]) => lines.map((line) => Object.values(line)[1]);

it("ends lines at newlines and at the end, in any pieces", () => {
  const lines = fc.array(fc.string({ unit: fc.constantFrom("a", "ö", "😀", "\r", " ") }), {
    maxLength: 10,
  });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(60), { maxLength: 10 }), (lines, cuts) => {
      const bytes = utf8(lines.join("\n"));
      const at = cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b);
      const pieces = [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
      const split = lineSplitter();
      const got = [...pieces.flatMap((piece) => split.push(piece)), ...split.end()];
      // A last line that is empty is none.
      const expected = lines.at(-1) === "" || lines.length === 0 ? lines.slice(0, -1) : lines;
      expect(textsOf(got)).toEqual(expected);
      expect(got.map(({ number }) => number)).toEqual(expected.map((_, i) => i + 1));
    }),
  );
});

it("keeps the beginning of a line that is too long, and reads on behind it", () => {
  const split = lineSplitter(300);
  const lines = [
    ...split.push(utf8(`${"x".repeat(300)}\n${"y".repeat(250)}`)),
    ...split.push(utf8(`${"y".repeat(100_000)}\nnext`)),
    ...split.end(),
  ];
  expect(lines).toEqual([
    { number: 1, text: "x".repeat(300) },
    { number: 2, tooLong: "y".repeat(200) },
    { number: 3, text: "next" },
  ]);
});

it("makes invalid UTF-8 readable", () => {
  const split = lineSplitter();
  expect(textsOf(split.push(Uint8Array.of(0x61, 0xff, 0xc3, 0x0a)))).toEqual(["a\ufffd\ufffd"]);
});

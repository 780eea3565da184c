import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appendBlock, noteBlock } from "./provenance.ts";

const block = fc
  .dictionary(fc.constantFrom("Pitaya-Run", "Pitaya-Key", "A"), fc.string({ unit: "binary" }), {
    minKeys: 1,
  })
  .map((provenance) => ({ provenance, text: noteBlock(provenance) }));

describe("a note", () => {
  it("has one line for each thing said, whatever a value holds", () => {
    fc.assert(
      fc.property(block, ({ provenance, text }) => {
        expect(text.split("\n")).toHaveLength(Object.keys(provenance).length + 1);
      }),
    );
  });

  it("keeps what it says, says a thing once, and ends with the newest", () => {
    fc.assert(
      fc.property(fc.string(), fc.array(block, { minLength: 1, maxLength: 5 }), (start, blocks) => {
        let note = start;
        for (const { text } of blocks) {
          const next = appendBlock(note, text);
          expect(next.startsWith(note.replace(/\n*$/, ""))).toBe(true);
          expect(next).toContain(text);
          expect(appendBlock(next, text)).toBe(next);
          note = next;
        }
      }),
    );
  });

  it("is not taken for holding a block that only looks alike", () => {
    expect(appendBlock("A: 1\nB: 2\n", "A: 1\n")).toBe("A: 1\nB: 2\n\nA: 1\n");
    expect(appendBlock("X: 1\n", "A: X: 1\n")).toBe("X: 1\n\nA: X: 1\n");
  });
});

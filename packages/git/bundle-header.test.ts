import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUNDLE_REF, formatBundleHeader, parseBundleHeader } from "./bundle-header.ts";

const digits = { sha1: 40, sha256: 64 };
const objectFormat = fc.constantFrom("sha1" as const, "sha256" as const);
const header = objectFormat.chain((format) => {
  const id = fc.string({
    unit: fc.constantFrom(..."0123456789abcdef"),
    minLength: digits[format],
    maxLength: digits[format],
  });
  return fc.record({
    objectFormat: fc.constant(format),
    prerequisites: fc.array(id, { maxLength: 3 }),
    tip: id,
  });
});

describe("the header of a bundle", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(header, (written) => {
        const text = formatBundleHeader(written);
        expect(parseBundleHeader(Buffer.from(`${text}PACK`))).toEqual({
          objectFormat: written.objectFormat,
          prerequisites: written.prerequisites,
          refs: [{ name: BUNDLE_REF, id: written.tip }],
          packOffset: text.length,
        });
      }),
    );
  });

  it("is read or refused, whatever the bytes", () => {
    const line = fc.constantFrom(
      "# v2 git bundle",
      "# v3 git bundle",
      `-${"a".repeat(40)}`,
      `-${"a".repeat(40)} a subject`,
      `${"b".repeat(40)} HEAD`,
      `${"b".repeat(40)} `,
      `${"b".repeat(40)}HEAD`,
      `${"B".repeat(40)} HEAD`,
      "@object-format=sha256",
      "@object-format=sha1",
      "@filter=tree:0",
      "",
    );
    const text = fc.oneof(
      fc.array(line, { maxLength: 6 }).map((lines) => `${lines.join("\n")}\n\nPACK`),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(text, (bytes) => {
        try {
          const { packOffset, refs } = parseBundleHeader(Buffer.from(bytes));
          expect(packOffset).toBeGreaterThan(0);
          for (const { id } of refs) expect(id).toMatch(/^[0-9a-f]{40,64}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: "bundle_rejected" });
        }
      }),
    );
  });

  it("keeps the comments of prerequisites out", () => {
    const text = `# v2 git bundle\n-${"a".repeat(40)} - ${"c".repeat(40)} x\n${"b".repeat(40)} HEAD\n\n`;
    expect(parseBundleHeader(Buffer.from(text))).toMatchObject({
      prerequisites: ["a".repeat(40)],
      refs: [{ name: "HEAD", id: "b".repeat(40) }],
    });
  });
});

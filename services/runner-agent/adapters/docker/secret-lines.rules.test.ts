import { describe, expect, it } from "vitest";
import { secretLines } from "./secret-lines.rules.ts";

describe("secrets on the wrapper's standard input", () => {
  it("are lines that any value fits in, closed by a point", () => {
    expect(secretLines({})).toBe(".\n");
    expect(secretLines({ A: "x\n.\ny", B_2: "" })).toBe("A eAouCnk=\nB_2 \n.\n");
  });

  it.each(["", "A B", "A=B", "1A", "A\n.", "Ä"])("refuse the name %j", (name) => {
    expect(() => secretLines({ [name]: "x" })).toThrowError(
      expect.objectContaining({ code: "usage" }),
    );
  });

  it("refuse a NUL without showing the value", () => {
    expect(() => secretLines({ KEY: "hidden\0" })).toThrowError(/KEY holds a NUL/);
    expect(() => secretLines({ KEY: "hidden\0" })).not.toThrowError(/hidden/);
  });
});

import { describe, expect, it } from "vitest";
import { chooseExport, strategyReference } from "./strategy-reference.rules.ts";

describe("--strategy", () => {
  it.each([
    ["simple", { kind: "shipped", name: "simple" }],
    ["./file.ts", { kind: "file", from: "./file.ts" }],
    ["dir/file.mjs:Named", { kind: "file", from: "dir/file.mjs", exportName: "Named" }],
    ["/abs/file.js", { kind: "file", from: "/abs/file.js" }],
    ["~/mine.ts:default", { kind: "file", from: "~/mine.ts", exportName: "default" }],
    ["package/module", { kind: "module", from: "package/module" }],
    ["@scope/package:Named", { kind: "module", from: "@scope/package", exportName: "Named" }],
    ["package:Named", { kind: "module", from: "package", exportName: "Named" }],
  ])("%s is found", (text, reference) => {
    expect(strategyReference(text, ["simple"])).toEqual(reference);
  });

  it.each([
    [
      "smiple",
      /no strategy "smiple"; did you mean simple\?/,
      /simple\. Code of your own: \.\/file\.ts/,
    ],
    ["./old.py", /old\.py is Python/, /Moving a Python strategy/],
    ["examples.fanout_two:FanOutTwo", /is Python/, /docs\/strategies\.md/],
    ["./old.py:Class", /is Python/, /docs\/strategies\.md/],
    ["./file.ts:", /names no code/, /file\.ts:Export/],
  ])("%s is refused", (text, message, hint) => {
    const refused = () => strategyReference(text, ["simple"]);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ hint: expect.stringMatching(hint) }));
  });
});

describe("the export that is meant", () => {
  const a = { name: "a", strategy: "first" };
  const b = { name: "default", strategy: "second" };
  const no = { name: "helper" };

  it("is the only strategy there is, or the named one", () => {
    expect(chooseExport([a], [no], "f.ts", undefined)).toBe(a);
    expect(chooseExport([a, b], [], "f.ts", "default")).toBe(b);
    const also = { ...a, name: "also", aliasOf: "a" };
    expect(chooseExport([a, also], [], "f.ts", undefined)).toBe(a);
    expect(chooseExport([a, also], [], "f.ts", "also")).toBe(also);
  });

  it.each([
    [[a, b], [no], undefined, /exports 2 strategies/, "Say which: --strategy f.ts:a, f.ts:default"],
    [[a], [no], "c", /exports no c/, "It exports f.ts:a."],
    [[a], [no], "helper", /helper of f\.ts is no strategy/, "It exports f.ts:a."],
    [[], [no], undefined, /no strategy: it exports only helper/, /defineStrategy/],
    [[], [], undefined, /it exports nothing/, /defineStrategy/],
    [
      [],
      [{ ...no, lacks: "a name" }],
      undefined,
      /helper of f\.ts is no strategy: it lacks a name/,
      /name, params/,
    ],
  ])(
    "of %j and %j by %s is an error that says what there is",
    (listed, others, name, message, hint) => {
      const refused = () => chooseExport(listed, others, "f.ts", name);
      expect(refused).toThrow(message);
      const told = typeof hint === "string" ? hint : expect.stringMatching(hint);
      expect(refused).toThrow(expect.objectContaining({ hint: told }));
    },
  );
});

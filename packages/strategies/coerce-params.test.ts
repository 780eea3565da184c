import { expect, test } from "vitest";
import { z } from "zod";
import { coerceParams } from "./coerce-params.rules.ts";

const params = z.strictObject({
  on: z.boolean().default(false),
  n: z.int().min(1).optional(),
  text: z.string().default(""),
  names: z.array(z.string()).default([]),
  counts: z.array(z.int()).default([]),
  scale: z.union([z.literal(10), z.literal(100)]).default(10),
  tie: z.enum(["first", "random"]).default("first"),
  either: z.union([z.boolean(), z.string()]).optional(),
  command: z.union([z.string(), z.object({ command: z.string() })]).optional(),
  maybe: z.string().nullable().optional(),
});
const schema = z.toJSONSchema(params, { io: "input" });

test.each([
  ["on", "YES", true],
  ["on", "On", true],
  ["on", 1, true],
  ["on", "no", false],
  ["on", 0, false],
  ["on", "OFF", false],
  ["on", "perhaps", "perhaps"],
  ["on", 2, 2],
  ["n", "7", 7],
  ["n", "x", "x"],
  ["text", 5, "5"],
  ["text", true, "true"],
  ["text", "a,b", "a,b"],
  ["names", "a, b,,c ", ["a", "b", "c"]],
  ["names", "", []],
  ["names", ["a", 5], ["a", "5"]],
  ["names", 5, ["5"]],
  ["counts", "1,2", [1, 2]],
  ["counts", 3, [3]],
  ["scale", "100", 100],
  ["tie", "random", "random"],
  ["either", "yes", "yes"],
  ["command", "npm test", "npm test"],
  ["maybe", null, null],
  ["unknown", "1", "1"],
] as const)("%s given as %j is %j", (key, given, value) => {
  expect(coerceParams(schema, { [key]: given })).toEqual({ [key]: value });
});

test("text that happens to be JSON stays as it was written", () => {
  const given = { text: 1, names: 1.5, command: ["a"] };
  const texts = { text: "1.0", names: "1.50", command: '["a"]' };
  expect(coerceParams(schema, given, texts)).toEqual({
    ...{ text: "1.0", names: ["1.50"], command: '["a"]' },
  });
});

test("no property of every object is taken for a parameter's schema", () => {
  expect(coerceParams(schema, { constructor: "1", toString: "1" })).toEqual({
    ...{ constructor: "1", toString: "1" },
  });
});

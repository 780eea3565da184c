import { expect, test } from "vitest";
import { parseDotenv } from "./dotenv.rules.ts";

test("names, values and lines of a .env are read as Node reads them", () => {
  const { variables, lineOf } = parseDotenv(
    [
      "\ufeff# ours",
      "PITAYA_MODEL=opus # a comment",
      "export ANTHROPIC_API_KEY='sk # no comment'",
      'TEXT="two',
      'lines"',
      "EMPTY=",
      "PITAYA_MODEL = haiku",
      "nonsense",
    ].join("\n"),
  );
  expect(variables).toEqual({
    ...{ PITAYA_MODEL: "haiku", ANTHROPIC_API_KEY: "sk # no comment" },
    ...{ TEXT: "two\nlines", EMPTY: "" },
  });
  expect([lineOf("PITAYA_MODEL"), lineOf("ANTHROPIC_API_KEY"), lineOf("NONE")]).toEqual([
    7,
    3,
    undefined,
  ]);
});

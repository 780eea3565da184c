import { expect, it } from "vitest";
import { NO_BUG_FOUND, NOT_CONFIRMED, statementIn } from "./statements.rules.ts";

it.each<[string, string, string | undefined]>([
  ["NO BUG FOUND", NO_BUG_FOUND, ""],
  ["I looked.\n\n**No bug found.**\nAt a.ts.", NO_BUG_FOUND, ""],
  ["no bug found: all is well", NO_BUG_FOUND, "all is well"],
  ["No bug found in a.ts, but in b.ts:", NO_BUG_FOUND, undefined],
  ["There is no bug found", NO_BUG_FOUND, undefined],
  ["NOT CONFIRMED: it prints 2", NOT_CONFIRMED, "it prints 2"],
  ["> - **NOT CONFIRMED:** it prints 2", NOT_CONFIRMED, "it prints 2"],
  ["NOT CONFIRMED – it prints 2", NOT_CONFIRMED, "it prints 2"],
  ["CONFIRMED", NOT_CONFIRMED, undefined],
  ["", NOT_CONFIRMED, undefined],
])("%j says %s: %j", (text, statement, reason) => {
  expect(statementIn(text, statement)).toBe(reason);
});

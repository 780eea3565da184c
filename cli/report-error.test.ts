import { PitayaError } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { reportError } from "./report-error.ts";

it("tells an error in lines, and what others wrote of it does nothing to a terminal", async () => {
  const told: string[] = [];
  const stderr = { write: async (text: string) => void told.push(text) };
  const error = new PitayaError("usage", "mine.ts threw \u001b[2Jowned\u0007\u202e", {
    hint: "one\n  two\r",
  });
  expect(await reportError(error, stderr as never, false)).toBe(2);
  expect(told).toEqual(["pitaya: mine.ts threw owned \n  one\n  two \n"]);
});

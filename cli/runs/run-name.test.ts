import { expect, test } from "vitest";
import { runNamed } from "./run-name.rules.ts";

const KNOWN = ["run_20260103_000000_bbbbbbbb", "run_20260102_000000_aaaaaaaa"];

test("a run is named by its id, a beginning no other has, or @last", () => {
  const [newest = "", oldest = ""] = KNOWN;
  expect(runNamed("@last", KNOWN)).toBe(newest);
  expect(runNamed(oldest, KNOWN)).toBe(oldest);
  expect(runNamed("run_20260102", KNOWN)).toBe(oldest);
  expect(runNamed("run_20260101_000000_cccccccc", KNOWN)).toBe("run_20260101_000000_cccccccc");
  expect(() => runNamed("run_2026", KNOWN)).toThrow(`run_2026 can mean ${newest}, ${oldest}`);
  expect(() => runNamed("nope", KNOWN)).toThrow("there is no run nope");
  expect(() => runNamed("@last", [])).toThrow("there is no run yet");
});

import { expect, it } from "vitest";
import { redactorPool } from "./redactor-pool.ts";

it("the same values share a redactor, others have their own", () => {
  const redactorOf = redactorPool();
  const one = redactorOf(["a-secret-value"]);
  expect(redactorOf(["a-secret-value"])).toBe(one);
  expect(redactorOf(["a-secret-value"], ["x+y"])).not.toBe(one);
  const other = redactorOf(["another-value"]);
  expect(one.text("a-secret-value another-value")).toBe("[REDACTED] another-value");
  expect(other.text("a-secret-value another-value")).toBe("a-secret-value [REDACTED]");
});

import { expect, test } from "vitest";
import { exitCodeOfFollow } from "./exit-code.rules.ts";
import { answerSignal } from "./signals.rules.ts";

test("signals interrupt once and then leave for the owner, and only detach for a watcher", () => {
  expect(["SIGINT", "SIGTERM"].map((signal) => answerSignal(signal as never, "owner", 0))).toEqual([
    "interrupt",
    "interrupt",
  ]);
  expect(answerSignal("SIGTERM", "owner", 1)).toBe("leave");
  expect(answerSignal("SIGHUP", "owner", 0)).toBe("detach");
  expect(answerSignal("SIGINT", "watcher", 0)).toBe("detach");
});

test("the exit code is the run's; a refused branch counts only for who submitted it", () => {
  const refused = { status: "refused", error: { code: "ref_conflict" } };
  const end = (exit_code: number, imports: readonly unknown[] = []) =>
    ({ how: "ended", summary: { exit_code }, imports }) as never;
  expect([0, 2, 3, 4, 5].map((code) => exitCodeOfFollow(end(code), "owner"))).toEqual([
    0, 2, 3, 4, 5,
  ]);
  expect(exitCodeOfFollow(end(0, [refused]), "owner")).toBe(1);
  expect(exitCodeOfFollow(end(0, [refused]), "watcher")).toBe(0);
  expect(exitCodeOfFollow(end(3, [refused]), "owner")).toBe(3);
  expect(exitCodeOfFollow({ how: "departed" }, "owner")).toBe(0);
  expect(
    exitCodeOfFollow({ how: "stack-gone", gone: { reason: "down", interrupted: [] } }, "owner"),
  ).toBe(2);
});

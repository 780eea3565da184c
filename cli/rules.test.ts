import { expect, test } from "vitest";
import { subjectFilter } from "./events/subject-filter.rules.ts";
import { exitCodeOfFollow } from "./follow/exit-code.rules.ts";
import { answerSignal } from "./follow/signals.rules.ts";
import { runNamed } from "./runs/run-name.rules.ts";
import { secretsGiven } from "./secrets-given.rules.ts";

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

test("a pattern goes on from the run, or from where the runs' ids stand", () => {
  const run = "run_20260102_000000_aaaaaaaa";
  const subject = `pitaya.v1.evt.${run}.fact.r.i.1`;
  expect(subjectFilter(undefined, run)(subject)).toBe(true);
  expect(subjectFilter("fact.>", run)(subject)).toBe(true);
  expect(subjectFilter("*.fact.>", undefined)(subject)).toBe(true);
  expect(subjectFilter("pitaya.v1.evt.*.decision", undefined)(subject)).toBe(false);
  expect(subjectFilter("fact.*", run)(subject)).toBe(false);
  for (const bad of ["", "fact.", "fact.>.x"]) {
    expect(() => subjectFilter(bad, run)).toThrow("is not a pattern");
  }
});

test("secrets are found wherever this process was given them", () => {
  const flags = new Map([
    ["api-key", ["flag-key"]],
    ["nats", ["nats://me:nats-password@host:4222"]],
  ]) as never;
  const env = { ANTHROPIC_API_KEY: "env-key", CLAUDE_CODE_OAUTH_TOKEN: "token", HOME: "/home/ada" };
  expect(secretsGiven({ flags }, env)).toEqual(["flag-key", "env-key", "token", "nats-password"]);
});

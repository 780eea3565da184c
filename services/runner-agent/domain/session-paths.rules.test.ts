import { expect, it } from "vitest";
import { directoryOf, isSessionPath } from "./session-paths.rules.ts";

const LOGS = "a/logs/*/log-*-7f.jsonl";

it.each([
  ["a/one.jsonl", ["a/one.jsonl"], true],
  ["a/one.jsonl", ["a/one_jsonl", "a/one.json"], false],
  ["a/logs/2026/log-11-22-7f.jsonl", ["b", LOGS], true],
  ["a/logs/2026/11/log-7-7f.jsonl", [LOGS], false],
  ["a/logs/2026/log-7-7fxjsonl", [LOGS], false],
  ["a/logs/../log-7-7f.jsonl", [LOGS], false],
  ["a/logs/ä/log-7-7f.jsonl", [LOGS], false],
  ["a/logs/1/log- -7f.jsonl", [LOGS], false],
  ["a/logs/1/log-\n-7f.jsonl", [LOGS], false],
  [`a/logs/${"1".repeat(300)}/log--7f.jsonl`, [LOGS], false],
])("%j of %j: %s", (path, wanted, is) => {
  expect(isSessionPath(path, wanted)).toBe(is);
});

it("looks where all of them lie", () => {
  expect(directoryOf(LOGS)).toBe("a/logs");
  expect(directoryOf("a/logs/log-*")).toBe("a/logs");
  expect(directoryOf("*.jsonl")).toBe("");
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import { runPitaya } from "../testing/test-host.ts";

const stage = useStage();
const noStore = { connection: () => Promise.reject(new Error("nothing may be connected to")) };

test.each([
  ["no prompt", [], 2, "there is no prompt"],
  ["an empty prompt", [""], 2, "the prompt is empty"],
  ["a blank prompt", ["  \n"], 2, "the prompt is empty"],
  ["two words", ["do", "it"], 2, "Unknown command do"],
  ["an unknown flag", ["do it", "--modle", "x"], 2, "Did you mean --model?"],
  ["a mistyped command", ["attahc", "@last"], 2, "Did you mean `pitaya attach`?"],
  ["a command to come", ["doctor"], 2, "no command `doctor`"],
  ["a number that is none", ["do it", "--runs", "three"], 2, "--runs: expected a number"],
  ["too few runs", ["do it", "--runs", "0"], 2, "--runs: expected at least 1"],
  ["an unknown plugin", ["do it", "--plugin", "nope"], 2, 'there is no plugin "nope"'],
  ["an unknown output", ["do it", "--output", "xml"], 2, "expected one of streaming, json, quiet"],
  ["an unknown mode", ["do it", "--mode", "free"], 2, "--mode: expected subscription or api"],
  ["a bad parameter", ["do it", "-S", "novalue"], 2, "expected key=value"],
  ["an unknown parameter", ["do it", "-S", "n=3"], 2, "strategy simple has no such parameter"],
  ["an unknown strategy", ["do it", "--strategy", "best"], 2, 'there is no strategy "best"'],
  ["bad quoting", ["do it", "--cli-args", "a 'b"], 2, "is not closed"],
  ["a secret in the base URL", ["do it", "--base-url", "https://u:p@x.example"], 2, "user name"],
  ["a base that is not there", ["do it", "--base-branch", "mian"], 1, "did you mean main?"],
  ["no credentials", ["do it", "--mode", "subscription"], 4, "CLAUDE_CODE_OAUTH_TOKEN"],
] as const)(
  "%s ends with its exit code before anything is connected",
  async (_, argv, code, said) => {
    const result = await stage.pitaya(argv, noStore);
    expect(result.stderr).toContain(said);
    expect(result).toMatchObject({ code, stdout: "" });
    expect(stage.repository.git("status", "--porcelain")).toBe("");
  },
);

test("a credential in what would be stored is refused, and not shown", async () => {
  const secret = "sk-ant-test-0123456789abcdef";
  for (const argv of [[`use ${secret}`], ["do it", "--cli-arg", `--key=${secret}`]]) {
    const result = await stage.pitaya(argv);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("holds a credential");
    expect(result.stderr).not.toContain(secret);
  }
  expect(stage.coordinator.submits).toEqual([]);
});

test("outside of a repository, and where nothing is committed, the exit code is 1", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pitaya-test-none-"));
  try {
    const outside = await stage.pitaya(["do it"], { ...noStore, cwd: dir });
    expect(outside.code).toBe(1);
    expect(outside.stderr).toContain("--repo <path>");
    stage.repository.git("checkout", "-q", "--orphan", "empty");
    const unborn = await stage.pitaya(["do it"], noStore);
    expect(unborn).toMatchObject({ code: 1, stdout: "" });
    expect(unborn.stderr).toContain("nothing is committed yet");
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("a file where the local files belong is told, with what to do about it", async () => {
  stage.repository.write(".pitaya", "");
  const { code, stderr } = await stage.pitaya(["do it"], noStore);
  expect(code).toBe(1);
  expect(stderr).toContain(".pitaya is not a directory");
  expect(stderr).toContain("move what is there away");
  expect(stderr).not.toContain("bug");
});

test("help and version need nothing and go to stdout", async () => {
  for (const argv of [
    ["--help"],
    ["-h"],
    ["import", "--help"],
    ["--version"],
    ["help?", "--help"],
  ]) {
    const result = await runPitaya({ argv, cwd: "/nowhere", tmpdir: "/nowhere" });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toContain("pitaya");
  }
});

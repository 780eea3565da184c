import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeWorkDir } from "./work-dir.mjs";

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "pitaya-work-dir-"));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

it("removes what a set-up that is gone has left, and nothing of one that runs", () => {
  const { pid: gone } = spawnSync(process.execPath, ["--version"]);
  const left = join(cache, "tmp", `${gone}-0`);
  const inUse = join(cache, "tmp", `${process.ppid}-0`);
  mkdirSync(left, { recursive: true });
  mkdirSync(inUse, { recursive: true });

  const made = [makeWorkDir(cache), makeWorkDir(cache)];

  expect(existsSync(left)).toBe(false);
  expect(existsSync(inUse)).toBe(true);
  expect(new Set(made).size).toBe(2);
  expect(made.every((dir) => existsSync(dir))).toBe(true);
});

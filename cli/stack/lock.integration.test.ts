import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { takeLock } from "./lock.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-lock-"));
  path = join(dir, "lock");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const program = (then: string) => [
  "--disable-warning=ExperimentalWarning",
  "--input-type=module",
  "--eval",
  `import { takeLock } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
   const lock = takeLock(${JSON.stringify(path)});
   ${then}`,
];
const asOtherProcess = () =>
  spawnSync(process.execPath, program("console.log(lock ? 'taken' : 'refused')"), {
    encoding: "utf8",
  }).stdout.trim();

// Each test starts processes, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

it("is refused to every other process until it is released", () => {
  const lock = takeLock(path);
  expect(lock).toBeDefined();
  expect(asOtherProcess()).toBe("refused");
  expect(takeLock(path)).toBeUndefined();
  lock?.release();
  expect(asOtherProcess()).toBe("taken");
});

it("is free again after its holder was killed", async () => {
  const holder = spawn(
    process.execPath,
    program("console.log('held'); setInterval(() => lock, 1e6)"),
  );
  onTestFinished(() => void holder.kill("SIGKILL"));
  await once(holder.stdout, "data");
  expect(takeLock(path)).toBeUndefined();
  holder.kill("SIGKILL");
  await once(holder, "exit");
  expect(takeLock(path)).toBeDefined();
});

it("survives a damaged file, and damage done while it is held", () => {
  writeFileSync(path, "no database at all, and longer than the header of one. ".repeat(40));
  const lock = takeLock(path);
  expect(lock).toBeDefined();
  expect(asOtherProcess()).toBe("refused");
  spawnSync("sh", ["-c", `echo damage > "${path}"`]);
  expect(asOtherProcess()).toBe("refused");
  lock?.release();
});

it("leaves a file that only the user can open", () => {
  takeLock(path)?.release();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it("says what is wrong with a path that cannot be locked", () => {
  mkdirSync(path);
  expect(() => takeLock(path)).toThrow(expect.objectContaining({ code: "stack_failed" }));
});

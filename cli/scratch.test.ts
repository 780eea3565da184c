import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir as systemTmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { openScratch } from "./scratch.ts";
import type { ProcessIdentity, ProcessTable } from "./stack/processes.ts";

function place() {
  const tmpdir = mkdtempSync(join(systemTmpdir(), "pitaya-scratch-"));
  onTestFinished(() => rmSync(tmpdir, { recursive: true }));
  return tmpdir;
}

/** Of processes that all started at this time. */
const table = (startedAt: string | undefined): ProcessTable => ({
  find: (pid): ProcessIdentity | undefined =>
    startedAt === undefined ? undefined : { pid, startedAt, command: "node" },
  startedWith: () => [],
});

it("leaves what belongs to a command at work", async () => {
  const tmpdir = place();
  const first = await openScratch({ tmpdir });
  const second = await openScratch({ tmpdir });
  expect([existsSync(first.dir), existsSync(second.dir)]).toEqual([true, true]);
  second.remove();
  expect([existsSync(first.dir), existsSync(second.dir)]).toEqual([true, false]);
});

it("removes what a killed command left, also where another process has its number now", async () => {
  const tmpdir = place();
  const killed = await openScratch({ tmpdir }, table("monday"));
  writeFileSync(join(killed.dir, "secret"), "");
  await openScratch({ tmpdir }, table("tuesday"));
  expect(existsSync(killed.dir)).toBe(false);
});

it("follows no link and touches nothing of other names or places", async () => {
  const tmpdir = place();
  const others = place();
  writeFileSync(join(others, "kept"), "");
  const killed = await openScratch({ tmpdir }, table("monday"));
  killed.remove();
  symlinkSync(others, killed.dir);
  const elsewhere = basename(killed.dir).replace(/command-[0-9a-f]{8}/, "command-00000000");
  for (const name of ["pitaya-AbCdEf", elsewhere]) mkdirSync(join(tmpdir, name));
  await openScratch({ tmpdir }, table("tuesday"));
  expect(existsSync(join(killed.dir, "kept"))).toBe(true);
  for (const name of ["pitaya-AbCdEf", elsewhere]) {
    expect(existsSync(join(tmpdir, name))).toBe(true);
  }
});

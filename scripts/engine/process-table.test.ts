import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isProgramRunning, runningPid } from "./process-table.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-pid-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

// Only Linux has such a table, and only there does set-up start engines: elsewhere nothing runs.
const hasTable = process.platform === "linux";
/** For what the system does by itself, however busy it is. */
const patience = { timeout: 4000, interval: 5 };

describe("the process table", () => {
  it("knows a running process by number and name", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const pid = child.pid ?? 0;
    await vi.waitFor(() => expect(isProgramRunning(pid, "sleep")).toBe(hasTable), patience);
    expect(isProgramRunning(pid, "dockerd")).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isProgramRunning(pid, "sleep")).toBe(false);
  });

  it("takes a dead process that nobody took note of for dead", async () => {
    // The program that takes the shell's place never asks about the shell's child.
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
    const [printed] = await once(parent.stdout, "data");
    const pid = Number.parseInt(String(printed), 10);
    if (hasTable) {
      const isReplaced = () => isProgramRunning(parent.pid ?? 0, "sleep");
      await vi.waitFor(() => expect(isReplaced()).toBe(true), patience);
    }
    process.kill(pid, "SIGKILL");
    const state = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0];
    if (hasTable) await vi.waitFor(() => expect(state()).toBe("Z"), patience);
    expect(isProgramRunning(pid, "sleep")).toBe(false);
    parent.kill("SIGKILL");
  });

  it("takes nobody for the owner of a pid file that is missing, empty or of another program", () => {
    const file = join(dir, "docker.pid");
    expect(runningPid(file, "dockerd")).toBeUndefined();
    writeFileSync(file, "");
    expect(runningPid(file, "dockerd")).toBeUndefined();
    writeFileSync(file, `${process.pid}\n`);
    expect(runningPid(file, "dockerd")).toBeUndefined();
  });
});

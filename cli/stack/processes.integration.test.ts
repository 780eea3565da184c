import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { endProcess, isAlive, type ProcessTable, procTable, psTable } from "./processes.ts";

// Each test starts processes, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const tables: [string, () => ProcessTable][] = [["ps", psTable]];
if (process.platform === "linux") tables.push(["procfs", procTable]);

async function child(source: string, ...args: string[]) {
  const started = spawn(process.execPath, ["--eval", source, ...args]);
  onTestFinished(() => void started.kill("SIGKILL"));
  await once(started.stdout, "data");
  return { process: started, pid: started.pid ?? 0 };
}
const stays = "console.log('up'); setInterval(() => {}, 1e6)";
const deaf = `process.on('SIGTERM', () => console.log('asked')); ${stays}`;

describe.each(tables)("by %s", (_, table) => {
  it("a process is the same as long as it lives, and gone after", async () => {
    const { process: started, pid } = await child(stays);
    const identity = table().find(pid);
    if (!identity) throw new Error("the child was not found");
    expect(table().find(pid)).toEqual(identity);
    expect(isAlive(table(), identity)).toBe(true);
    expect(isAlive(table(), { ...identity, startedAt: "earlier" })).toBe(false);
    expect(isAlive(table(), { ...identity, command: "other" })).toBe(false);

    started.kill("SIGKILL");
    await once(started, "exit");
    expect(table().find(pid)).toBeUndefined();
  });

  it("a process is found by an argument", async () => {
    const argument = `pitaya-test-${process.pid}`;
    const { pid } = await child(stays, argument);
    const found = table().startedWith(argument);
    expect(found.map((identity) => identity.pid)).toContain(pid);
    expect(table().startedWith(`${argument}-not`)).toEqual([]);
  });

  it("a zombie is dead", async () => {
    // A shell that does not wait for its child.
    const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 1000"]);
    onTestFinished(() => void parent.kill("SIGKILL"));
    const [data] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(data.toString());
    await expect.poll(() => table().find(pid), { timeout: 10_000 }).toBeUndefined();
  });

  it("one that is asked to end is waited for", async () => {
    const { process: started, pid } = await child(stays);
    const identity = table().find(pid);
    if (!identity) throw new Error("the child was not found");
    await endProcess(table(), identity, { askedMs: 10_000, killedMs: 10_000 });
    expect(table().find(pid)).toBeUndefined();
    expect(started.killed).toBe(false);
  });

  it("one that does not end when asked is killed", async () => {
    const { process: started, pid } = await child(deaf);
    const identity = table().find(pid);
    if (!identity) throw new Error("the child was not found");
    const exit = once(started, "exit");
    await endProcess(table(), identity, { askedMs: 50, killedMs: 10_000 });
    expect(await exit).toEqual([null, "SIGKILL"]);
  });
});

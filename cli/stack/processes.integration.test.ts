import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

it("one whose first thread is dead lives as long as another of its threads", async () => {
  const proc = await mkdtemp(join(tmpdir(), "pitaya-proc-"));
  onTestFinished(() => rm(proc, { recursive: true, force: true }));
  await mkdir(join(proc, "sys/kernel/random"), { recursive: true });
  await mkdir(join(proc, "7"));
  await writeFile(join(proc, "sys/kernel/random/boot_id"), "boot\n");
  const has = (threads: number) => {
    const before = "7 (nats-server) Z 1 7 7 0 -1 4227084 0 0 0 0 5 3 0 0 20 0";
    return writeFile(join(proc, "7/stat"), `${before} ${threads} 0 1234 0 0 1844 0 0\n`);
  };
  const table = procTable(proc);
  await has(3);
  expect(table.find(7)).toEqual({ pid: 7, startedAt: "boot:1234", command: "nats-server" });
  await has(1);
  expect(table.find(7)).toBeUndefined();
});

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryBus } from "@pitaya/bus/testing";
import { expect, onTestFinished, test } from "vitest";
import { removeStray } from "./disk-leftovers.ts";
import { runnerDisk } from "./runner-disk.ts";

async function stateDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-strays-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("what is no attempt's name and no whole pack is found and removed; a whole pack stays", async () => {
  const dir = await stateDir();
  const disk = runnerDisk(dir);
  await disk.open();
  const { blobs } = memoryBus();
  const executor = { hasPack: async () => true, storePack: async () => {} };
  const { signal } = new AbortController();
  await disk.openPacks({ blobs, executor, signal, onChange: () => {} });
  const whole = "a".repeat(64);
  await mkdir(join(dir, "packs", whole));
  await mkdir(join(dir, "packs", ".making-x", "objects"), { recursive: true });
  await mkdir(join(dir, "attempts", "odd"), { recursive: true });
  await writeFile(join(dir, "attempts", "odd", "file"), "x");

  const left = await disk.leftovers([]);
  expect(left).toEqual([
    { kind: "directory", path: "attempts/odd" },
    { kind: "pack", path: "packs/.making-x" },
  ]);
  for (const { path } of left) await disk.removeLeftover(path);
  expect(await disk.leftovers([])).toEqual([]);
  expect(await readdir(join(dir, "packs"))).toEqual([whole]);
});

test.each(["attempts", "../other/file", "attempts/../..", "/etc/passwd", "a/b/c", ""])(
  "%j is not removed",
  async (path) => {
    const dir = await stateDir();
    await mkdir(join(dir, "attempts"));
    await expect(removeStray(dir, path)).rejects.toThrow("none of the things");
    expect(await readdir(dir)).toEqual(["attempts"]);
  },
);

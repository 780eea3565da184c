import { execFile } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { forgetRunner } from "../support/engine.ts";
import { type ModelServer, startModelServer } from "../support/model-server/model-server.ts";
import { branchesOf, person, runnersOf, smallRepository } from "../support/pitaya.ts";

const command = promisify(execFile);
const KEY = { ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key" };

let model: ModelServer;

beforeAll(async () => {
  model = await startModelServer({ host: "0.0.0.0", port: 0 });
});
afterAll(() => model.close());

/** A disk of its own, of this size, at a path. Mounting one takes root. */
async function smallDisk(path: string, size: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await command("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", path]);
}

/** Writes until nothing more can be written. @returns what was written */
async function fill(directory: string): Promise<string> {
  const path = join(directory, "filler");
  const file = await open(path, "wx");
  const block = Buffer.alloc(4_096);
  try {
    for (;;) await file.writeFile(block);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    return path;
  } finally {
    await file.close();
  }
}

it("a full disk under the embedded stack makes a run wait and says so; with room it goes on", async () => {
  const user = await person(KEY);
  const cwd = await smallRepository();
  await smallDisk(user.stateDir, "64m");
  onTestFinished(async () => {
    await user.run(["down"], { cwd });
    const runners = await runnersOf(user.stateDir);
    await command("umount", [user.stateDir]);
    await user.leave();
    for (const runner of runners) await forgetRunner(runner);
    await rm(cwd, { recursive: true, force: true });
  });
  const url = model.url(
    [
      { bash: "sleep 5; echo made > made.txt; git add made.txt; git commit -q -m 'Add made.txt'" },
      { text: "Added made.txt." },
    ],
    "full-disk",
    "host.docker.internal",
  );
  const run = user.start(["add a file", "--no-tui", "--base-url", url], { cwd });
  await run.saw(/started attempt=1/);
  const filler = await fill(user.stateDir);
  await run.saw(/the disk of .* is full/);
  const status = await user.run(["status"], { cwd });
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/trouble {5}the disk of .* is full/);
  expect(run.process.exitCode).toBeNull();

  await rm(filler);
  await run.saw(/there is room on the disk again/);
  const { code, stderr } = await run.finished;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await branchesOf(cwd)).toHaveLength(1);
  expect(run.output()).not.toContain("attempt=2");
});

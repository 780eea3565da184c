import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, vi } from "vitest";

/**
 * A directory for the tests of one file, removed after them. The answer names new paths in it.
 *
 * These tests start hundreds of processes, so how long one takes says how busy the machine is. Their
 * time-outs only end what hangs.
 */
export function useTemporaryDirectory(): (name: string) => string {
  vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
  let top = "";
  let count = 0;
  beforeAll(async () => {
    top = await realpath(await mkdtemp(join(tmpdir(), "pitaya-git-")));
  });
  afterAll(() => rm(top, { recursive: true, force: true, maxRetries: 5 }));
  return (name) => join(top, `${++count}-${name}`);
}

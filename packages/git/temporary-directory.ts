import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** A directory for the tests of one file, removed after them. The answer names new paths in it. */
export function useTemporaryDirectory(): (name: string) => string {
  let top = "";
  let count = 0;
  beforeAll(async () => {
    top = await realpath(await mkdtemp(join(tmpdir(), "pitaya-git-")));
  });
  afterAll(() => rm(top, { recursive: true, force: true }));
  return (name) => join(top, `${++count}-${name}`);
}

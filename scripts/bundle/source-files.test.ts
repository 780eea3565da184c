import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { sourceMarks } from "./source-files.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pitaya-sources-"));
  for (const file of [
    "packages/git/index.ts",
    "packages/git/index.test.ts",
    "packages/git/node_modules/zod/index.ts",
    "services/coordinator/main.ts",
    "cli/main.ts",
    "cli/package.json",
    "scripts/bundle/main.ts",
    "docker/agents/versions.json",
    "pnpm-lock.yaml",
  ]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "text");
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it("lists what decides the bundle, and neither tests nor installed packages", () => {
  expect(sourceMarks(root).map(([path]) => path)).toEqual([
    "cli/main.ts",
    "cli/package.json",
    "docker/agents/versions.json",
    "packages/git/index.ts",
    "pnpm-lock.yaml",
    "scripts/bundle/main.ts",
    "services/coordinator/main.ts",
  ]);
});

it("tells by size or time that a file has changed", () => {
  const before = sourceMarks(root);
  expect(sourceMarks(root)).toEqual(before);
  utimesSync(join(root, "cli/main.ts"), 1, 1);
  expect(sourceMarks(root)).not.toEqual(before);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inputHash } from "./input-hash.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pitaya-input-hash-"));
  writeFileSync(join(root, "Dockerfile"), "FROM debian\n");
  writeFileSync(join(root, "versions.json"), "{}\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const files = ["Dockerfile", "versions.json"];

it("changes with each file's content and each further input, not with their order", () => {
  const hash = inputHash(root, files, ["x64"]);
  expect(inputHash(root, files.toReversed(), ["x64"])).toBe(hash);
  expect(inputHash(root, files, ["arm64"])).not.toBe(hash);
  writeFileSync(join(root, "Dockerfile"), "FROM debian:13\n");
  expect(inputHash(root, files, ["x64"])).not.toBe(hash);
});

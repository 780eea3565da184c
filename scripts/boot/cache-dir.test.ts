import { homedir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cacheDir } from "./cache-dir.mjs";

it("is the directory that was named, else one of ours in the user's cache", () => {
  const named = { PITAYA_CACHE_DIR: "/named", XDG_CACHE_HOME: "/xdg" };
  expect(cacheDir(named)).toBe("/named");
  expect(cacheDir({ XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/pitaya");
  expect(cacheDir({})).toBe(join(homedir(), ".cache", "pitaya"));
});

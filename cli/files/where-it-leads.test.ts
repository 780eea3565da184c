import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refuseWhereItLeads } from "./where-it-leads.ts";

let dir: string;
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "pitaya-test-leads-")));
  for (const made of ["top/.git/worktrees", "top/.pitaya", "top/real", "outside"]) {
    mkdirSync(join(dir, made), { recursive: true });
  }
  const links = {
    "top/.pitaya/away": "../../outside",
    "top/.pitaya/nowhere": "../../absent",
    "top/.pitaya/round": "round",
    "top/.pitaya/near": "../real",
    "top/.pitaya/git": "../.git",
    "linked-top": "top",
  };
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(dir, path));
});
afterAll(() => rmSync(dir, { recursive: true }));

const look = (path: string, top = "top") => {
  const gitDir = join(dir, "top/.git");
  return refuseWhereItLeads({ gitDir, commonDir: gitDir }, join(dir, top), "logs_dir", path);
};

describe("a directory for files of ours", () => {
  it.each(["top/.pitaya/logs", "top/a/b/c", "top/.pitaya/near/logs", "outside/logs", "top/..x/y"])(
    "may be %s",
    async (path) => {
      await look(join(dir, path));
    },
  );

  it("may be in a working tree that is reached by a link", async () => {
    await look(join(dir, "linked-top/.pitaya/logs"), "linked-top");
  });

  it.each([
    ["top/.pitaya/away/logs", /logs_dir leads out of the repository by a link: .*\/outside\/logs$/],
    ["top/.pitaya/away", /leads out/],
    ["top/.pitaya/nowhere/logs", /nowhere is a link that leads nowhere/],
    ["top/.pitaya/round", /round is a link that leads nowhere/],
    ["top/.git/hooks", /logs_dir leads into git's own/],
    ["top/.git", /into git's own/],
    ["top/.pitaya/git/refs", /into git's own/],
  ])("may not be %s", async (path, message) => {
    await expect(look(join(dir, path))).rejects.toThrow(message);
  });
});

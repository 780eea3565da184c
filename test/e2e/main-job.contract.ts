import {
  ODD_KINDS,
  type OddKind,
  oddRepository,
  snapshotRepository,
  testGit,
} from "@pitaya/git/testing";
import { describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { branchesOf, jsonLines, runsIn } from "../support/pitaya.ts";
import type { Stack } from "../support/stack.ts";
import { forbiddenChanges } from "../support/unchanged.ts";

const WORKS: readonly OddKind[] = ODD_KINDS.filter((kind) => kind !== "partial-missing");

/** A prompt becomes branches, in every repository that people have. */
export function mainJob(stack: () => Stack): void {
  describe("a run of three in a repository that is", () => {
    it.each(WORKS)("%s brings three branches and changes nothing else", async (kind) => {
      const { user, modelFor, directory } = stack();
      const { path: cwd } = await oddRepository(kind, await directory());
      const before = await snapshotRepository(cwd);

      const three = ["--runs", "3", "--max-parallel", "2", "--json"];
      const args = ["add a greeting", ...three, "--base-url", modelFor("ok").url];
      const { code, stdout, stderr } = await user.run(args, { cwd });

      expect({ code, stderr }).toMatchObject({ code: 0 });
      const lines = jsonLines(stdout);
      expect(lines.at(-1)).toMatchObject({ type: "run.summary" });
      const branches = await branchesOf(cwd);
      expect(branches).toHaveLength(3);
      expect(await forbiddenChanges(cwd, before)).toEqual([]);
      for (const branch of branches) {
        const raw = await testGit(cwd, ["diff", "--raw", `${branch}^`, branch]);
        expect(raw.split("\n").filter((line) => !/^:000000 100644 /.test(line))).toEqual([]);
      }
      expect(await leftOnEngine(runsIn(lines))).toEqual([]);
    });
  });

  describe("a base that is", () => {
    it("a tag or a commit is what the agent starts from", async () => {
      const { user, modelFor, directory } = stack();
      const { path: cwd, bases } = await oddRepository("plain", await directory());
      const named = bases.filter((base) => base !== undefined);
      expect(named.length).toBeGreaterThan(1);
      for (const base of named) {
        const before = await snapshotRepository(cwd);
        const how = ["--base-branch", base, "--output", "quiet", "--base-url", modelFor("ok").url];
        const { code, stdout, stderr } = await user.run(["add a greeting", ...how], { cwd });
        expect({ code, stderr }).toMatchObject({ code: 0 });
        const start = await testGit(cwd, ["rev-parse", `${base}^{commit}`]);
        expect(await testGit(cwd, ["rev-parse", `${stdout.trim()}^`])).toBe(start);
        expect(await forbiddenChanges(cwd, before)).toEqual([]);
      }
    });
  });
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { describe, expect, it } from "vitest";
import { branchesOf, jsonLines, RUN_ID, resultOf } from "../support/pitaya.ts";
import type { Stack } from "../support/stack.ts";

/** Only commits count: that the agent is told so, and what becomes of work it leaves uncommitted. */
export function commits(stack: () => Stack): void {
  async function run(scenario: string, ...how: readonly string[]) {
    const { user, modelFor, repository } = stack();
    const cwd = await repository();
    const args = ["add a greeting", "--base-url", modelFor(scenario).url, ...how];
    const { code, stdout, stderr } = await user.run(args, { cwd });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return { user, cwd, stdout, output: stdout + stderr };
  }

  describe("the commit contract", { concurrent: true }, () => {
    it("is told to the agent: one that commits only if told leaves a branch", async () => {
      const { cwd } = await run("commits-if-told");
      expect(await branchesOf(cwd)).toHaveLength(1);
    });

    it("unkept is told to the user: uncommitted work is kept, and `import --uncommitted` brings it", async () => {
      const { user, cwd, output } = await run("edits-never-commits", "--no-tui");
      const id = RUN_ID.exec(output)?.[0] ?? "";
      expect(output).toMatch(/uncommitted/);
      expect(output).toContain(`pitaya import ${id} --uncommitted`);
      expect(output).toContain("--force-commit");
      expect(await branchesOf(cwd)).toEqual([]);
      expect((await user.run(["import", id, "--uncommitted"], { cwd })).code).toBe(0);
      const [branch = ""] = await branchesOf(cwd);
      expect(await testGit(cwd, ["show", `${branch}:hello.txt`])).not.toBe("");
    });

    it("forced: `--force-commit` commits what the agent did not", async () => {
      const { cwd, stdout } = await run("edits-never-commits", "--force-commit", "--json");
      expect(await branchesOf(cwd)).toHaveLength(1);
      const id = String(jsonLines(stdout).at(-1)?.["run_id"]);
      const summary = JSON.parse(await resultOf(cwd, id, "summary.json"));
      expect(summary).toMatchObject({ run_id: id, status: "completed", completed_instances: 1 });
      expect((await resultOf(cwd, id, "branches.txt")).trim()).toMatch(/^pitaya\/simple\//);
      const events = await readFile(join(cwd, ".pitaya", "logs", id, "events.jsonl"), "utf8");
      expect(events).toContain("task.completed");
    });
  });
}

import { testGit } from "@pitaya/git/testing";
import { describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import { branchesOf, RUN_ID, type Running } from "../support/pitaya.ts";
import type { Stack } from "../support/stack.ts";

/** What becomes of a run when its terminal is left, lost or interrupted. */
export function terminals(stack: () => Stack): void {
  /** A command whose agent is at work. */
  async function atWork(scenario: string | Scenario) {
    const { user, model, modelFor, repository } = stack();
    const cwd = await repository();
    const { url, id } = modelFor(scenario);
    const command = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    const [run] = await command.saw(RUN_ID);
    await model.requested(id, 1);
    return { user, cwd, command, run };
  }

  async function signalled(command: Running, ...signals: readonly NodeJS.Signals[]) {
    for (const signal of signals) command.process.kill(signal);
    const { code, stdout, stderr } = await command.finished;
    return { code, output: stdout + stderr };
  }

  describe("a run outlives its terminal:", { concurrent: true }, () => {
    it("killed with -9, `attach` brings the branch and the run's exit code", async () => {
      const { user, cwd, command, run } = await atWork("okslow");
      await signalled(command, "SIGKILL");
      expect(await branchesOf(cwd)).toEqual([]);
      const { code, stderr } = await user.run(["attach", run, "--no-tui"], { cwd });
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(await branchesOf(cwd)).toHaveLength(1);
    });

    it("detached at once, and `import` brings the branch, again after it was deleted", async () => {
      const { user, modelFor, repository } = stack();
      const cwd = await repository();
      const how = ["--detach", "--base-url", modelFor("ok").url];
      const started = await user.run(["add a greeting", ...how], { cwd });
      expect(started.code).toBe(0);
      const run = RUN_ID.exec(started.stdout)?.[0] ?? "";
      await user.run(["attach", run, "--no-tui"], { cwd });
      const [branch = ""] = await branchesOf(cwd);
      await testGit(cwd, ["branch", "--quiet", "-D", branch]);
      expect((await user.run(["import", run], { cwd })).code).toBe(0);
      expect(await branchesOf(cwd)).toEqual([branch]);
    });
  });

  describe("Ctrl-C", { concurrent: true }, () => {
    it("once interrupts: containers stop, the state stays, and `resume` goes on", async () => {
      const { user, cwd, command, run } = await atWork([
        { hang: true, times: 1 },
        { bash: "echo hello > hello.txt && git add hello.txt && git commit -q -m 'Add hello.txt'" },
        { text: "Added hello.txt." },
      ]);
      const { code, output } = await signalled(command, "SIGINT");
      expect(code).toBe(2);
      expect(output).toContain(`pitaya resume ${run}`);
      expect(await leftOnEngine([run])).toEqual([]);
      const shown = await user.run(["show", run, "--json"], { cwd });
      expect(JSON.parse(shown.stdout)).toMatchObject({ status: "interrupted" });
      const resumed = await user.run(["resume", run, "--no-tui"], { cwd });
      expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });
      expect(await branchesOf(cwd)).toHaveLength(1);
      const again = await user.run(["resume", run, "--no-tui"], { cwd });
      expect(again.code).toBe(0);
      expect(again.stderr + again.stdout).toMatch(/completed|already/);
    });

    it("twice leaves at once and says what goes on", async () => {
      const { command, run } = await atWork("hang");
      const { code, output } = await signalled(command, "SIGINT", "SIGINT");
      expect(code).toBe(2);
      expect(output).toContain(run);
      expect(await leftOnEngine([run])).toEqual([]);
    });

    it("by SIGTERM is the same as once", async () => {
      const { command, run } = await atWork("hang");
      expect(await signalled(command, "SIGTERM")).toMatchObject({ code: 2 });
      expect(await leftOnEngine([run])).toEqual([]);
    });
  });
}

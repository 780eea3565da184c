import { snapshotRepository, testGit } from "@pitaya/git/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { buildOddAgentImage } from "../support/odd-agent/image.ts";
import { branchesOf, jsonLines, runsIn } from "../support/pitaya.ts";
import type { Stack } from "../support/stack.ts";
import { forbiddenChanges } from "../support/unchanged.ts";

const LIMITS = {
  PITAYA_RUNNER__DISK_LIMIT: "128m",
  // One of them takes all it gets.
  PITAYA_RUNNER__CPU_LIMIT: "1",
  PITAYA_ORCHESTRATION__RETRIES: "0",
};

/** What agents do that no real one can be made to do. Most of it is waiting, so they wait together. */
export function oddAgents(stack: () => Stack): void {
  let image: string;
  beforeAll(async () => {
    image = await buildOddAgentImage();
  });

  /** Runs the odd agent its way, and looks at everything it might have left behind. */
  async function run(way: string, ...more: string[]) {
    const cwd = await stack().repository();
    const before = await snapshotRepository(cwd);
    const args = [way, "--docker-image", image, "--json", ...more];
    const finished = await stack().user.run(args, { cwd, env: LIMITS });
    const lines = jsonLines(finished.stdout);
    const failure = lines.find((line) => line["type"] === "task.failed")?.["payload"];
    expect(await leftOnEngine(runsIn(lines))).toEqual([]);
    expect(await forbiddenChanges(cwd, before)).toEqual([]);
    return { ...finished, repository: cwd, failure, branches: await branchesOf(cwd) };
  }

  describe("an agent that", { concurrent: true }, () => {
    it("ignores SIGTERM is ended by the time limit", async () => {
      const { code, failure } = await run("ignores-term", "--timeout", "2");
      expect(code).toBe(3);
      expect(failure).toMatchObject({ code: "timeout" });
    });

    it("never ends is ended by the time limit", async () => {
      const { code, failure } = await run("never-ends", "--timeout", "2");
      expect(code).toBe(3);
      expect(failure).toMatchObject({ code: "timeout" });
    });

    it("fills its disk limit is ended for that", async () => {
      const { code, failure } = await run("fills");
      expect(code).toBe(3);
      expect(failure).toMatchObject({ code: "disk_limit" });
    });

    it("exits 1 is a failed outcome with its last words", async () => {
      const { code, failure, branches } = await run("exits-1");
      expect(code).toBe(3);
      expect(failure).toMatchObject({ message: expect.stringContaining("something broke") });
      expect(branches).toEqual([]);
    });

    it("exits 0 without a result is a failure", async () => {
      const { code, failure } = await run("no-result");
      expect(code).toBe(3);
      expect(failure).toMatchObject({ code: "no_result" });
    });

    it("makes no commit succeeds without a branch", async () => {
      const { code, branches } = await run("no-commit");
      expect({ code, branches }).toEqual({ code: 0, branches: [] });
    });

    it.each(["long-line", "invalid-utf8", "final-and-stays"])(
      "%s keeps its commit",
      async (way) => {
        const { branches, code, stderr } = await run(way);
        expect({ code, stderr }).toMatchObject({ code: 0 });
        expect(branches).toHaveLength(1);
      },
    );

    it("kills its own wrapper has failed", async () => {
      const { branches, code, stderr } = await run("kills-all");
      expect({ code, stderr }).toMatchObject({ code: 3 });
      expect(branches).toEqual([]);
    });

    it("plants hooks and fsmonitor runs nothing on the host, and its commit comes", async () => {
      const { code, branches } = await run("plants");
      expect({ code, branches: branches.length }).toEqual({ code: 0, branches: 1 });
      expect(await stack().exists("/tmp/pitaya-odd-agent-was-here")).toBe(false);
    });

    it("rewrites history is refused", async () => {
      const { code, failure, branches } = await run("rewrites");
      expect({ code, branches }).toEqual({ code: 3, branches: [] });
      expect(failure).toMatchObject({ code: "bundle_rejected" });
    });

    it("makes tags and branches brings neither", async () => {
      const { code, branches, repository } = await run("tags");
      expect({ code, branches: branches.length }).toEqual({ code: 0, branches: 1 });
      expect(await testGit(repository, ["tag"])).toBe("");
      expect(await testGit(repository, ["branch", "--list", "extra"])).toBe("");
    });

    it("forks without end harms nobody and ends", async () => {
      const { code } = await run("forks", "--timeout", "20");
      expect([0, 3]).toContain(code);
    });
  });
}

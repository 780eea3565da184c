import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { type RepositorySnapshot, snapshotRepository, testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { buildOddAgentImage } from "../support/odd-agent/image.ts";
import { branchesOf, jsonLines, type Person, person, smallRepository } from "../support/pitaya.ts";
import { forbiddenChanges } from "../support/unchanged.ts";

let image: string;
let user: Person;
let repository: string;
let before: RepositorySnapshot;

beforeAll(async () => {
  image = await buildOddAgentImage();
  user = await person({
    ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key",
    PITAYA_RUNNER__DISK_LIMIT: "512m",
    PITAYA_ORCHESTRATION__RETRIES: "0",
  });
});
afterAll(() => user.leave());
beforeEach(async () => {
  repository = await smallRepository();
  before = await snapshotRepository(repository);
  return () => rm(repository, { recursive: true, force: true });
});

/** Runs the odd agent its way, and looks at everything it might have left behind. */
async function run(way: string, ...more: string[]) {
  const finished = await user.run([way, "--docker-image", image, "--json", ...more], {
    cwd: repository,
  });
  const lines = jsonLines(finished.stdout);
  const failure = lines.find((line) => line["type"] === "task.failed");
  const runs = [...new Set(lines.map((line) => String(line["run_id"])))];
  expect(await leftOnEngine(runs)).toEqual([]);
  expect(await forbiddenChanges(repository, before)).toEqual([]);
  return {
    ...finished,
    lines,
    failure: failure?.["payload"],
    branches: await branchesOf(repository),
  };
}

describe("an agent that", () => {
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

  it.each(["long-line", "invalid-utf8", "final-and-stays", "kills-all"])(
    "%s keeps its commit",
    async (way) => {
      const { branches, code, stderr } = await run(way);
      // Who kills its own wrapper has failed, but what it committed is kept for a look.
      expect({ code, stderr }).toMatchObject({ code: way === "kills-all" ? 3 : 0 });
      expect(branches).toHaveLength(way === "kills-all" ? 0 : 1);
    },
  );

  it.each(["never-ends", "ignores-term"])("%s is ended by the time limit", async (way) => {
    const { code, failure } = await run(way, "--timeout", "2");
    expect(code).toBe(3);
    expect(failure).toMatchObject({ code: "timeout" });
  });

  it("plants hooks and fsmonitor runs nothing on the host, and its commit comes", async () => {
    const { code, branches } = await run("plants");
    expect({ code, branches: branches.length }).toEqual({ code: 0, branches: 1 });
    expect(existsSync("/tmp/pitaya-odd-agent-was-here")).toBe(false);
  });

  it("rewrites history is refused", async () => {
    const { code, failure, branches } = await run("rewrites");
    expect({ code, branches }).toEqual({ code: 3, branches: [] });
    expect(failure).toMatchObject({ code: "bundle_rejected" });
  });

  it("makes tags and branches brings neither", async () => {
    const { code, branches } = await run("tags");
    expect({ code, branches: branches.length }).toEqual({ code: 0, branches: 1 });
    expect(await testGit(repository, ["tag"])).toBe("");
    expect(await testGit(repository, ["branch", "--list", "extra"])).toBe("");
  });

  it("fills its disk limit is ended for that", async () => {
    const { code, failure } = await run("fills");
    expect(code).toBe(3);
    expect(failure).toMatchObject({ code: "disk_limit" });
  });

  it("forks without end harms nobody and ends", async () => {
    const { code } = await run("forks", "--timeout", "20");
    expect([0, 3]).toContain(code);
  });
});

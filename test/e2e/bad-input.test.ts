import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leftOnEngine } from "../support/engine.ts";
import { type ModelServer, startModelServer } from "../support/model-server/model-server.ts";
import { branchesOf, jsonLines, type Person, person, smallRepository } from "../support/pitaya.ts";

const KEY = { ANTHROPIC_API_KEY: "sk-ant-e2e-not-a-real-key" };

let model: ModelServer;
let user: Person;
let repository: string;
const dirs: string[] = [];

beforeAll(async () => {
  model = await startModelServer({ host: "0.0.0.0", port: 0 });
  user = await person();
  repository = await smallRepository();
});
afterAll(async () => {
  await user.leave();
  await model.close();
  for (const dir of [repository, ...dirs]) await rm(dir, { recursive: true, force: true });
});

async function emptyDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-bad-"));
  dirs.push(dir);
  return dir;
}

describe("refused before anything is started:", () => {
  const bad = async (args: readonly string[], cwd: string, env: Record<string, string> = KEY) => {
    const { code, stdout, stderr } = await user.run(args, { cwd, env });
    expect(stdout).toBe("");
    return { code, stderr };
  };

  it("an empty prompt", async () => {
    expect(await bad(["  "], repository)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/prompt/),
    });
  });

  it("an unknown flag, with the nearest one", async () => {
    const { code, stderr } = await bad(["do it", "--stratgy", "simple"], repository);
    expect(code).toBe(2);
    expect(stderr).toContain("--strategy");
  });

  it("an image that no engine could have", async () => {
    const { code, stderr } = await bad(["do it", "--docker-image", "../containers"], repository);
    expect(code).toBe(2);
    expect(stderr).toMatch(/docker-image/);
  });

  it("a directory that is no repository", async () => {
    const { code, stderr } = await bad(["do it"], await emptyDirectory());
    expect(code).toBe(1);
    expect(stderr).toMatch(/not in a git repository|is not a git repository/i);
  });

  it("a repository without a commit", async () => {
    const dir = await emptyDirectory();
    await testGit(dir, ["init", "--quiet"]);
    const { code, stderr } = await bad(["do it"], dir);
    expect(code).toBe(1);
    expect(stderr).toMatch(/commit/);
  });

  it("a base branch that is not there", async () => {
    const { code, stderr } = await bad(["do it", "--base-branch", "mian"], repository);
    expect(code).toBe(1);
    expect(stderr).toMatch(/mian/);
    expect(stderr).toMatch(/main/);
  });

  it("a run without credentials, and says what to set", async () => {
    const { code, stderr } = await bad(["do it"], repository, {});
    expect(code).toBe(4);
    expect(stderr).toMatch(/ANTHROPIC_API_KEY/);
    expect(stderr).toMatch(/CLAUDE_CODE_OAUTH_TOKEN/);
  });

  it("an engine that does not answer", async () => {
    const nowhere = { ...KEY, DOCKER_HOST: `unix://${await emptyDirectory()}/no.sock` };
    const { code, stderr } = await bad(["do it"], repository, nowhere);
    expect(code).toBe(1);
    expect(stderr).toMatch(/engine|Docker/i);
  });

  it("a server that is not there", async () => {
    const nats = { ...KEY, PITAYA_NATS_URL: "nats://127.0.0.1:1" };
    const { code, stderr } = await bad(["do it"], repository, nats);
    expect(code).toBe(1);
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
  });

  it("an unknown run", async () => {
    const { code, stderr } = await bad(["resume", "run_20200101_000000_00000000"], repository);
    expect(code).toBe(1);
    expect(stderr).toMatch(/run_20200101_000000_00000000/);
  });
});

describe("told clearly once the run is there:", () => {
  async function run(args: readonly string[]) {
    const { code, stdout, stderr } = await user.run([...args, "--json"], {
      cwd: repository,
      env: KEY,
    });
    const lines = jsonLines(stdout);
    const failure = lines.find((line) => line["type"] === "task.failed")?.["payload"];
    const runs = [...new Set(lines.map((line) => String(line["run_id"])))];
    expect(await leftOnEngine(runs)).toEqual([]);
    expect(await branchesOf(repository)).toEqual([]);
    return { code, stderr, failure };
  }

  it("an image that is missing", async () => {
    const { code, failure, stderr } = await run(["do it", "--docker-image", "no-such-image:never"]);
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(failure).toMatchObject({
      code: "image_missing",
      message: expect.stringContaining("no-such-image"),
    });
  });

  it("a wrong key", async () => {
    const url = model.url("auth401", "bad-key", "host.docker.internal");
    const { code, failure } = await run(["do it", "--base-url", url]);
    expect(code).toBe(4);
    expect(failure).toMatchObject({ code: "credentials_refused" });
  });

  it("a model that is not there", async () => {
    const url = model.url("badmodel", "bad-model", "host.docker.internal");
    const { code, failure } = await run(["do it", "--base-url", url, "--model", "no-such-model"]);
    expect(code).toBe(3);
    expect(failure).toMatchObject({ code: "invalid_model" });
  });
});

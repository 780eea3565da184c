import { testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedStack, KEY, type Stack } from "../support/stack.ts";
import { refusals } from "./refusals.contract.ts";

let stack: Stack;
let repository: string;

beforeAll(async () => {
  stack = await embeddedStack();
  repository = await stack.repository();
});
afterAll(() => stack.leave());

describe("refused before anything is started:", () => {
  const bad = async (args: readonly string[], cwd: string, env: Record<string, string> = KEY) => {
    const { code, stdout, stderr } = await stack.user.run(args, { cwd, env });
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
    const { code, stderr } = await bad(["do it"], await stack.directory());
    expect(code).toBe(1);
    expect(stderr).toMatch(/not in a git repository|is not a git repository/i);
  });

  it("a repository without a commit", async () => {
    const dir = await stack.directory();
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
    const { code, stderr } = await bad(["do it"], repository, { ANTHROPIC_API_KEY: "" });
    expect(code).toBe(4);
    expect(stderr).toMatch(/ANTHROPIC_API_KEY/);
    expect(stderr).toMatch(/CLAUDE_CODE_OAUTH_TOKEN/);
  });

  it("an engine that does not answer", async () => {
    const nowhere = { ...KEY, DOCKER_HOST: `unix://${await stack.directory()}/no.sock` };
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

refusals(() => stack);

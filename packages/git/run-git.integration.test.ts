import { mkdir, writeFile } from "node:fs/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { gitText, runGit } from "./run-git.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";

const path = useTemporaryDirectory();
afterEach(() => vi.unstubAllEnvs());

async function emptyDirectory(): Promise<string> {
  const dir = path("dir");
  await mkdir(dir);
  return dir;
}

describe("runGit", () => {
  it("keeps the caller's git environment out, above all a repository named there", async () => {
    const cwd = await emptyDirectory();
    vi.stubEnv("GIT_DIR", process.cwd());
    vi.stubEnv("GIT_CONFIG_COUNT", "1");
    vi.stubEnv("GIT_CONFIG_KEY_0", "user.name");
    vi.stubEnv("GIT_CONFIG_VALUE_0", "Somebody");
    await expect(runGit(["rev-parse", "--git-dir"], { cwd })).rejects.toThrow(
      /not a git repository/,
    );
    await expect(gitText(["config", "user.name"], { cwd, exits: [0, 1] })).resolves.toBe("");
  });

  it("reads the user's configuration only when asked", async () => {
    const cwd = await emptyDirectory();
    vi.stubEnv("HOME", cwd);
    await writeFile(`${cwd}/.gitconfig`, "[user]\n\tname = Grace\n");
    const call = { cwd, exits: [0, 1] };
    expect(await gitText(["config", "user.name"], { ...call, config: "user" })).toBe("Grace");
    expect(await gitText(["config", "user.name"], call)).toBe("");
  });

  it("tells a process that somebody killed from one that failed", async () => {
    const cwd = await emptyDirectory();
    vi.stubEnv("HOME", cwd);
    await writeFile(`${cwd}/.gitconfig`, '[alias]\n\tdie = "!kill -9 $PPID"\n');
    await expect(runGit(["die"], { cwd, config: "user" })).rejects.toMatchObject({
      code: "git_failed",
      message: "git die was killed from outside",
      retryable: true,
    });
  });

  it("passes every argument as it is", async () => {
    const cwd = await emptyDirectory();
    const odd = "a $(touch pwned) `b` 'c' \"d\" \n ; e";
    expect(await gitText(["rev-parse", "--sq-quote", odd], { cwd })).toContain("$(touch pwned)");
    const limited = await gitText(["rev-parse", "--sq-quote", odd], { cwd, maxMemoryBytes: 1e9 });
    expect(limited).toBe(await gitText(["rev-parse", "--sq-quote", odd], { cwd }));
  });

  it("streams a file as standard input", async () => {
    const cwd = await emptyDirectory();
    await writeFile(`${cwd}/it's input`, "hello");
    const call = { cwd, stdinFile: `${cwd}/it's input` };
    expect(await gitText(["hash-object", "--stdin"], call)).toBe(
      "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0",
    );
  });

  it("fails with what git said, unless the exit code is an answer", async () => {
    const cwd = await emptyDirectory();
    await expect(runGit(["cat-file", "-e", "HEAD"], { cwd })).rejects.toMatchObject({
      code: "git_failed",
      message: expect.stringContaining("not a git repository"),
      details: { exitCode: 128 },
    });
    expect((await runGit(["config", "no.such"], { cwd, exits: [1] })).exitCode).toBe(1);
  });

  it("says that there is no git", async () => {
    const cwd = await emptyDirectory();
    vi.stubEnv("PATH", cwd);
    await expect(runGit(["version"], { cwd })).rejects.toThrow(/git was not found on the PATH/);
  });

  it("ends a process whose time is over, and one whose caller gives up", async () => {
    const cwd = await emptyDirectory();
    await runGit(["init", "--quiet"], { cwd });
    // Reads a pipe that nobody closes: it would wait for ever.
    const endless = ["cat-file", "--batch"];
    await expect(runGit(endless, { cwd, timeoutMs: 50 })).rejects.toMatchObject({
      code: "git_failed",
      details: { ended: "timeout" },
    });
    const controller = new AbortController();
    const call = runGit(endless, { cwd, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await expect(runGit(["version"], { cwd, signal: controller.signal })).rejects.toThrow("enough");
  });

  it("ends a process that writes too much", async () => {
    const cwd = await emptyDirectory();
    const call = { cwd, maxOutputBytes: 100 };
    await expect(runGit(["help", "--all"], call)).rejects.toMatchObject({
      details: { ended: "output" },
    });
  });
});

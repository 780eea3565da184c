import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { resolveBase } from "./base.ts";
import { requireVersion } from "./git-version.ts";
import { isDirty, openRepository } from "./repository.ts";
import { explainRefusal } from "./repository-refusal.ts";
import { runGit } from "./run-git.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import { emptyRepository, testGit } from "./testing.ts";

const path = useTemporaryDirectory();

async function repositoryWith(commits: number): Promise<string> {
  const dir = await emptyRepository(path("repository"));
  for (let n = 1; n <= commits; n++) {
    await testGit(dir, ["commit", "--quiet", "--allow-empty", `--message=${n}`]);
  }
  return dir;
}

describe("openRepository", () => {
  it("finds the top from below, through symbolic links and odd names", async () => {
    const top = path("odd\nname ü");
    await mkdir(join(top, "sub", "deeper"), { recursive: true });
    await emptyRepository(top);
    await symlink(join(top, "sub"), path("link"));
    const repo = await openRepository(join(top, "sub", "deeper"));
    expect(repo).toMatchObject({
      topLevel: top,
      gitDir: join(top, ".git"),
      commonDir: join(top, ".git"),
      objectFormat: "sha1",
      shallow: [],
      partial: false,
      linkedWorktree: false,
    });
  });

  it("tells a linked working tree and a bare repository", async () => {
    const main = await repositoryWith(1);
    const linked = path("linked");
    await testGit(main, ["worktree", "add", "--quiet", linked]);
    const repo = await openRepository(linked);
    expect(repo).toMatchObject({ topLevel: linked, linkedWorktree: true });
    expect(repo.commonDir).toBe(join(main, ".git"));
    expect(await openRepository(main)).toMatchObject({ linkedWorktree: false });

    const bare = path("bare");
    await testGit(main, ["clone", "--quiet", "--bare", main, bare]);
    expect(await openRepository(bare)).toMatchObject({ topLevel: undefined, commonDir: bare });
  });

  it("refuses what is none, saying why", async () => {
    const dir = path("nothing");
    await mkdir(dir);
    await expect(openRepository(dir)).rejects.toMatchObject({ code: "not_a_repository" });
    await expect(openRepository(join(dir, "absent"))).rejects.toMatchObject({
      code: "not_a_repository",
      message: expect.stringContaining("no such directory"),
    });
    const repo = await repositoryWith(0);
    await expect(openRepository(join(repo, ".git"))).rejects.toMatchObject({
      code: "not_a_repository",
      message: expect.stringContaining("git directory"),
    });
  });

  it("refuses a format that this git does not know", async () => {
    const dir = await repositoryWith(0);
    await testGit(dir, ["config", "core.repositoryFormatVersion", "1"]);
    await testGit(dir, ["config", "extensions.fromTheFuture", "true"]);
    await expect(openRepository(dir)).rejects.toMatchObject({
      code: "repository_unsupported",
      message: expect.stringContaining("fromthefuture"),
    });
  });

  it("says how to trust a repository of another user's", async () => {
    const dir = await repositoryWith(0);
    const refusal = await runGit(["rev-parse"], {
      cwd: dir,
      env: { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" },
    }).catch((error: unknown) => explainRefusal(dir, error));
    expect(refusal).toMatchObject({
      code: "repository_unsupported",
      message: expect.stringContaining("another user"),
      hint: `if you trust it: git config --global --add safe.directory ${dir}`,
    });
  });

  it("asks for git 2.30", () => {
    expect(() => requireVersion("git version 2.29.3")).toThrow(/too old/);
    expect(() => requireVersion("git version 2.30.0")).not.toThrow();
    expect(() => requireVersion("git version 3.0.1 (Apple Git-1)")).not.toThrow();
    expect(() => requireVersion("what?")).toThrow(/too old/);
  });
});

describe("resolveBase", () => {
  let dir: string;
  beforeAll(async () => {
    dir = await repositoryWith(3);
    await testGit(dir, ["branch", "feature/login", "HEAD~1"]);
    await testGit(dir, ["tag", "--annotate", "--message=v1", "v1.0", "HEAD~2"]);
    await testGit(dir, ["tag", "main", "HEAD~2"]);
    await testGit(dir, ["update-ref", "refs/remotes/origin/fix-typo", "HEAD~1"]);
    await testGit(dir, ["tag", "of-a-tree", "HEAD^{tree}"]);
  });
  const resolve = async (name?: string) => resolveBase(await openRepository(dir), name);
  const commit = (revision: string) => testGit(dir, ["rev-parse", `${revision}^{commit}`]);

  it("takes the branch checked out, and it before a tag of the same name", async () => {
    const main = await commit("refs/heads/main");
    const base = { commit: main, name: "main", kind: "branch", branch: "main" };
    expect(await resolve()).toEqual(base);
    expect(await resolve("HEAD")).toEqual(base);
    expect(await resolve("main")).toEqual(base);
    expect(await resolve("refs/heads/main")).toEqual(base);
  });

  it("takes branches, tags, commits and remote-tracking names", async () => {
    const [second, first] = [await commit("refs/heads/main~1"), await commit("refs/heads/main~2")];
    expect(await resolve("feature/login")).toMatchObject({ commit: second, kind: "branch" });
    expect(await resolve("v1.0")).toEqual({
      commit: first,
      name: "v1.0",
      kind: "tag",
      branch: `base-${first.slice(0, 12)}`,
    });
    expect(await resolve(first.slice(0, 10))).toMatchObject({ commit: first, kind: "commit" });
    expect(await resolve("feature/login~1")).toMatchObject({ commit: first, kind: "commit" });
    expect(await resolve("origin/fix-typo")).toMatchObject({ commit: second, kind: "commit" });
  });

  it("takes the commit of a detached HEAD", async () => {
    const other = path("other");
    await testGit(dir, ["worktree", "add", "--quiet", "--detach", other, "feature/login"]);
    const base = await resolveBase(await openRepository(other));
    expect(base).toMatchObject({ commit: await commit("feature/login"), kind: "detached" });
  });

  it("names what was perhaps meant when there is no such name", async () => {
    await expect(resolve("fix-typo")).rejects.toMatchObject({
      code: "base_missing",
      hint: "did you mean origin/fix-typo?",
    });
    await expect(resolve("feature/lgoin")).rejects.toMatchObject({
      details: { nearest: ["feature/login"] },
    });
    for (const name of ["", "-x", "--all", "a..b", "of-a-tree", "main:", "f".repeat(40), "a\nb"]) {
      await expect(resolve(name), name).rejects.toMatchObject({ code: "base_missing" });
    }
  });

  it("says that nothing is committed yet", async () => {
    const empty = await openRepository(await repositoryWith(0));
    await expect(resolveBase(empty)).rejects.toMatchObject({ code: "unborn_head" });
  });
});

describe("isDirty", () => {
  it("sees staged, changed and untracked files, not ignored ones, and leaves the index alone", async () => {
    const dir = await repositoryWith(0);
    const repo = await openRepository(dir);
    await writeFile(join(dir, ".gitignore"), "*.log\n");
    await writeFile(join(dir, "a"), "1");
    await testGit(dir, ["add", "."]);
    await testGit(dir, ["commit", "--quiet", "--message=a"]);
    await writeFile(join(dir, "x.log"), "");
    expect(await isDirty(repo)).toBe(false);

    const index = await readFile(join(dir, ".git", "index"));
    await writeFile(join(dir, "b"), "");
    expect(await isDirty(repo)).toBe(true);
    await rm(join(dir, "b"));
    await writeFile(join(dir, "a"), "2");
    expect(await isDirty(repo)).toBe(true);
    await writeFile(join(dir, "a"), "1");
    expect(await isDirty(repo)).toBe(false);
    expect(await readFile(join(dir, ".git", "index"))).toEqual(index);
  });
});

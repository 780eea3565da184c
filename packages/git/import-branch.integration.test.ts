import { access, appendFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { importBranch, noChange } from "./import-branch.ts";
import type { Change } from "./quarantine.ts";
import { openRepository, type Repository } from "./repository.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import {
  changesBetween,
  commitFiles,
  emptyRepository,
  snapshotRepository,
  testGit,
} from "./testing.ts";

const path = useTemporaryDirectory();

/** Where the base comes from, and two changes on top of it, in the agent's objects only. */
let origin: string;
let base: string;
let change: Change;
let rival: Change;
let scratchDir: string;

beforeAll(async () => {
  scratchDir = await made("scratch");
  origin = await emptyRepository(path("origin"));
  await commitFiles(origin, { "a.txt": "a\n" });
  base = await commitFiles(origin, { "b.txt": "b\n" });
  const agent = path("agent");
  await testGit(origin, ["clone", "--quiet", "--shared", origin, agent]);
  const first = await commitFiles(agent, { "new.txt": "1\n" }, "first");
  const second = await commitFiles(agent, { "new.txt": "2\n" }, "second");
  await testGit(agent, ["tag", "agents-own-tag"]);
  await testGit(agent, ["reset", "--quiet", "--hard", base]);
  const third = await commitFiles(agent, { "rival.txt": "3\n" }, "rival");
  const given = {
    baseCommit: base,
    objectDirs: [join(agent, ".git", "objects")],
    shallow: [],
    objectFormat: "sha1" as const,
  };
  change = { ...given, commit: second, commits: [second, first] };
  rival = { ...given, commit: third, commits: [third] };
});

async function made(name: string): Promise<string> {
  const dir = path(name);
  await mkdir(dir);
  return dir;
}

async function userRepository(): Promise<string> {
  const dir = path("user");
  await testGit(origin, ["clone", "--quiet", "--no-hardlinks", origin, dir]);
  return dir;
}

const opened = new Map<string, Promise<Repository>>();

type Request = Partial<Parameters<typeof importBranch>[0]>;

async function bring(dir: string, more: Request = {}) {
  const repo = opened.get(dir) ?? openRepository(dir);
  opened.set(dir, repo);
  return await importBranch({
    repo: await repo,
    change,
    branch: "pitaya/x",
    policy: "auto",
    conflict: "fail",
    skipEmpty: true,
    allowProtected: false,
    provenance: { "Pitaya-Run": "run_1", "Pitaya-Key": "schlüssel" },
    at: 1_700_000_000_000,
    scratchDir,
    ...more,
  });
}

const branches = async (dir: string) =>
  Object.fromEntries(
    (await testGit(dir, ["for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"]))
      .split("\n")
      .map((line) => line.split(" ")),
  );

const note = (dir: string, commit: string) =>
  testGit(dir, ["notes", "--ref=pitaya", "show", commit]);

describe("importBranch", () => {
  it("sets branch and notes, and changes nothing else, however often it is called", async () => {
    const dir = await userRepository();
    const before = await snapshotRepository(dir);
    expect(await bring(dir)).toEqual({
      status: "imported",
      branch: "pitaya/x",
      commit: change.commit,
    });
    const once = await snapshotRepository(dir);
    expect(changesBetween(before, once)).toEqual([
      "git logs/refs/heads/pitaya/x",
      "git logs/refs/notes/pitaya",
      "ref refs/heads/pitaya/x",
      "ref refs/notes/pitaya",
    ]);
    for (const commit of change.commits) {
      expect(await note(dir, commit)).toBe("Pitaya-Run: run_1\nPitaya-Key: schlüssel");
    }
    await expect(note(dir, base)).rejects.toThrow(/no note found/i);
    expect(await testGit(dir, ["log", "-1", "--format=%an <%ae> %cI", "refs/notes/pitaya"])).toBe(
      "Pitaya <pitaya@pitaya.local> 2023-11-14T22:13:20+00:00",
    );
    await testGit(dir, ["fsck", "--strict"]);

    expect(await bring(dir)).toMatchObject({ status: "unchanged", branch: "pitaya/x" });
    expect(changesBetween(once, await snapshotRepository(dir))).toEqual([]);
    expect(await readdir(scratchDir)).toEqual([]);
    expect((await readdir(join(dir, ".git", "objects", "pack"))).join()).not.toMatch(/keep|tmp/);
  });

  it("gives the same notes everywhere", async () => {
    const refs = new Set<string>();
    for (const dir of [await userRepository(), await userRepository()]) {
      await bring(dir);
      refs.add(await testGit(dir, ["rev-parse", "refs/notes/pitaya"]));
    }
    expect(refs.size).toBe(1);
  });

  it("brings a deleted branch back, without a second note", async () => {
    const dir = await userRepository();
    await bring(dir);
    await testGit(dir, ["branch", "--quiet", "-D", "pitaya/x"]);
    const notes = await testGit(dir, ["rev-parse", "refs/notes/pitaya"]);
    expect(await bring(dir)).toMatchObject({ status: "imported" });
    expect(await testGit(dir, ["rev-parse", "refs/notes/pitaya"])).toBe(notes);
  });

  it("appends to notes that are there, other tools' and other commits' too", async () => {
    const dir = await userRepository();
    const who = ["-c", "core.commentChar=;"];
    await bring(dir, { change: rival, branch: "pitaya/rival" });
    await testGit(dir, ["fetch", "--quiet", join(change.objectDirs[0] ?? "", ".."), change.commit]);
    await testGit(dir, [...who, "notes", "--ref=pitaya", "add", "-m", "mine", change.commit]);
    await bring(dir);
    expect(await note(dir, change.commit)).toBe("mine\n\nPitaya-Run: run_1\nPitaya-Key: schlüssel");
    await bring(dir, { branch: "pitaya/y", provenance: { "Pitaya-Run": "run_2\nForged: x" } });
    expect(await note(dir, change.commit)).toBe(
      "mine\n\nPitaya-Run: run_1\nPitaya-Key: schlüssel\n\nPitaya-Run: run_2 Forged: x",
    );
    expect(await note(dir, rival.commit)).toContain("run_1");
  });

  it("follows the policy when nothing was committed", async () => {
    const dir = await userRepository();
    const empty = noChange(await openRepository(dir), base);
    expect(await bring(dir, { change: empty })).toMatchObject({ status: "skipped" });
    expect(await bring(dir, { policy: "never" })).toMatchObject({ status: "skipped" });
    expect(await branches(dir)).toEqual({ main: base });
    expect(await bring(dir, { change: empty, policy: "always" })).toMatchObject({
      status: "imported",
      commit: base,
    });
    expect(await bring(dir, { change: empty, branch: "b", skipEmpty: false })).toMatchObject({
      status: "imported",
    });
    expect(await branches(dir)).toEqual({ main: base, "pitaya/x": base, b: base });
    await expect(testGit(dir, ["rev-parse", "refs/notes/pitaya"])).rejects.toThrow();
  });

  it("follows the conflict policy when the branch is elsewhere", async () => {
    const dir = await userRepository();
    await bring(dir, { change: rival });
    expect(await bring(dir)).toMatchObject({ status: "refused", code: "ref_conflict" });
    expect(await branches(dir)).toEqual({ main: base, "pitaya/x": rival.commit });

    const suffix = { conflict: "suffix" } as const;
    expect(await bring(dir, suffix)).toMatchObject({ status: "imported", branch: "pitaya/x_2" });
    expect(await bring(dir, suffix)).toMatchObject({ status: "unchanged", branch: "pitaya/x_2" });
    const empty = noChange(await openRepository(dir), base);
    const always = { ...suffix, change: empty, policy: "always" } as const;
    expect(await bring(dir, always)).toMatchObject({ branch: "pitaya/x_3" });

    expect(await bring(dir, { conflict: "overwrite" })).toMatchObject({ status: "imported" });
    expect(await branches(dir)).toEqual({
      main: base,
      "pitaya/x": change.commit,
      "pitaya/x_2": change.commit,
      "pitaya/x_3": base,
    });
    expect(await testGit(dir, ["rev-parse", "pitaya/x@{1}"])).toBe(rival.commit);
  });

  it("never moves a branch that some working tree has", async () => {
    const dir = await userRepository();
    const overwrite = { conflict: "overwrite", allowProtected: true } as const;
    const refused = { status: "refused", code: "ref_conflict" };
    expect(await bring(dir, { ...overwrite, branch: "main" })).toMatchObject(refused);
    await testGit(dir, ["worktree", "add", "--quiet", "-b", "pitaya/x", path("other tree")]);
    expect(await bring(dir, overwrite)).toMatchObject({
      ...refused,
      reason: expect.stringContaining("other tree"),
    });
    await testGit(dir, ["branch", "pitaya/r"]);
    await mkdir(join(dir, ".git", "rebase-merge"));
    await writeFile(join(dir, ".git", "rebase-merge", "head-name"), "refs/heads/pitaya/r\n");
    expect(await bring(dir, { ...overwrite, branch: "pitaya/r" })).toMatchObject(refused);
    expect(await branches(dir)).toEqual({ main: base, "pitaya/x": base, "pitaya/r": base });
  });

  it("refuses protected branches unless allowed, and names that are none", async () => {
    const dir = await userRepository();
    const names = ["main", "master", "develop", "stable", "release/1.0", "hotfix/a/b"];
    for (const branch of names) {
      expect(await bring(dir, { branch, conflict: "suffix" }), branch).toMatchObject({
        status: "refused",
        code: "ref_protected",
      });
    }
    expect(await bring(dir, { branch: "develop", allowProtected: true })).toMatchObject({
      status: "imported",
    });
    for (const branch of ["", "-x", "a b", "refs/heads/x", "HEAD", "a..b", "x.lock", "a\nb"]) {
      expect(await bring(dir, { branch }), branch).toMatchObject({
        status: "refused",
        code: "usage",
      });
    }
  });

  it("says which branch is in the way of a name", async () => {
    const dir = await userRepository();
    await testGit(dir, ["branch", "pitaya"]);
    expect(await bring(dir)).toMatchObject({
      status: "refused",
      code: "ref_conflict",
      reason: expect.stringMatching(/^the branch pitaya is there/),
    });
    await testGit(dir, ["branch", "deep/er/one"]);
    expect(await bring(dir, { branch: "deep/er" })).toMatchObject({
      code: "ref_conflict",
      reason: expect.stringMatching(/^the branch deep\/er\/one is there/),
    });
    expect((await readdir(join(dir, ".git", "objects", "pack"))).join()).not.toContain("keep");
  });

  it("imports nothing into a repository without the base", async () => {
    const dir = await emptyRepository(path("stranger"));
    await commitFiles(dir, { x: "" });
    const before = await snapshotRepository(dir);
    expect(await bring(dir)).toMatchObject({
      status: "refused",
      code: "base_not_here",
      reason: expect.stringContaining(base),
    });
    expect(changesBetween(before, await snapshotRepository(dir))).toEqual([]);
  });

  it("runs no hook and needs no identity", async () => {
    const dir = await userRepository();
    const trap = path("trap");
    const script = `#!/bin/sh\ntouch ${trap}\nexit 1\n`;
    for (const hook of ["reference-transaction", "post-checkout", "post-rewrite", "pre-auto-gc"]) {
      await writeFile(join(dir, ".git", "hooks", hook), script, { mode: 0o755 });
    }
    await appendFile(join(dir, ".git", "config"), "[user]\n\tuseConfigOnly = true\n");
    expect(await bring(dir)).toMatchObject({ status: "imported" });
    await expect(access(trap)).rejects.toThrow("ENOENT");
  });

  it("works from a linked working tree, in a bare repository and a shallow clone", async () => {
    const dir = await userRepository();
    const linked = path("linked");
    await testGit(dir, ["worktree", "add", "--quiet", "--detach", linked]);
    expect(await bring(linked)).toMatchObject({ status: "imported" });
    expect((await branches(dir))["pitaya/x"]).toBe(change.commit);

    const bare = path("bare");
    await testGit(origin, ["clone", "--quiet", "--bare", origin, bare]);
    expect(await bring(bare)).toMatchObject({ status: "imported" });

    const shallow = path("shallow");
    await testGit(origin, ["clone", "--quiet", "--depth=1", `file://${origin}`, shallow]);
    expect(await bring(shallow)).toMatchObject({ status: "imported" });
    await testGit(shallow, ["fsck"]);
  });

  it("takes away what a killed import left, and leaves other keep files", async () => {
    const dir = await userRepository();
    const packs = join(dir, ".git", "objects", "pack");
    await writeFile(join(packs, "pack-1.keep"), "pitaya import\n");
    await writeFile(join(packs, "pack-2.keep"), "the user's\n");
    await writeFile(join(dir, ".git", "pitaya.lock"), "");
    expect(await bring(dir)).toMatchObject({ status: "imported" });
    expect((await readdir(packs)).filter((name) => name.endsWith(".keep"))).toEqual([
      "pack-2.keep",
    ]);
    await expect(access(join(dir, ".git", "pitaya.lock"))).rejects.toThrow("ENOENT");
  });

  it("looks again when a ref is locked by somebody else, and gives up in the end", async () => {
    const dir = await userRepository();
    await mkdir(join(dir, ".git", "refs", "heads", "pitaya"));
    const lock = join(dir, ".git", "refs", "heads", "pitaya", "x.lock");
    await writeFile(lock, "");
    await expect(bring(dir)).rejects.toMatchObject({ code: "git_failed", retryable: true });
    expect(await readFile(lock, "utf8")).toBe("");
    expect(await branches(dir)).toEqual({ main: base });
  });
});

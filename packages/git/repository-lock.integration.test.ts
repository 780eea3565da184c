import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { access, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Change } from "./quarantine.ts";
import { tryLock, withRepositoryLock } from "./repository-lock.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import { commitFiles, emptyRepository, testGit } from "./testing.ts";

const path = useTemporaryDirectory();

async function made(name: string): Promise<string> {
  const dir = path(name);
  await mkdir(dir);
  return dir;
}

const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);

/** Runs a program in a process of its own, where `at` is a directory. */
function run(source: string, at: string): { child: ChildProcess; output: Promise<string> } {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source, at], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = (async () => {
    let text = "";
    for await (const chunk of child.stdout ?? []) text += chunk;
    return text;
  })();
  return { child, output };
}

const HOLD = `
  import { tryLock, withRepositoryLock } from ${module("./repository-lock.ts")};
  await withRepositoryLock(process.argv[1], { timeoutMs: 1000 }, async () => {
    console.log("held");
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  });`;

describe("withRepositoryLock", () => {
  it("lets one in at a time, and leaves no file", async () => {
    const dir = await made("one at a time");
    let inside = 0;
    const order: number[] = [];
    const enter = (n: number) =>
      withRepositoryLock(dir, { timeoutMs: 10_000 }, async () => {
        expect(++inside).toBe(1);
        await access(join(dir, "pitaya.lock"));
        order.push(n);
        inside--;
      });
    await Promise.all([1, 2, 3, 4, 5].map(enter));
    expect(order.toSorted()).toEqual([1, 2, 3, 4, 5]);
    expect(await readdir(dir)).toEqual([]);
  });

  it("is free after work that failed", async () => {
    const dir = await made("failed");
    const fail = () => Promise.reject(new Error("no"));
    await expect(withRepositoryLock(dir, { timeoutMs: 1 }, fail)).rejects.toThrow("no");
    expect(await withRepositoryLock(dir, { timeoutMs: 1 }, async () => "yes")).toBe("yes");
  });

  it("gives up in time, says so, and can be told to stop waiting", async () => {
    const dir = await made("busy");
    await withRepositoryLock(dir, { timeoutMs: 1 }, async () => {
      const again = (options: { timeoutMs: number; signal?: AbortSignal }) =>
        withRepositoryLock(dir, options, async () => "never");
      await expect(again({ timeoutMs: 1 })).rejects.toMatchObject({
        code: "git_failed",
        retryable: true,
        message: expect.stringContaining("another pitaya process"),
      });
      const signal = AbortSignal.abort(new Error("enough"));
      await expect(again({ timeoutMs: 60_000, signal })).rejects.toThrow("enough");
    });
  });

  it("says when the git directory cannot be written", async () => {
    const call = withRepositoryLock(path("absent"), { timeoutMs: 1 }, async () => "never");
    await expect(call).rejects.toMatchObject({ code: "git_failed" });
  });

  it("is not held by a process that was killed", async () => {
    const dir = await made("killed");
    const { child } = run(HOLD, dir);
    if (child.stdout === null) throw new Error("no output");
    await once(child.stdout, "data");
    const refused = withRepositoryLock(dir, { timeoutMs: 20 }, async () => "early");
    await expect(refused).rejects.toMatchObject({ code: "git_failed" });
    const waiting = withRepositoryLock(dir, { timeoutMs: 30_000 }, async () => "mine");
    child.kill("SIGKILL");
    expect(await waiting).toBe("mine");
    expect(await readdir(dir)).toEqual([]);
  });

  it("does not take a file for the lock that was removed, or made anew, before it was locked", async () => {
    const file = join(await made("replaced"), "pitaya.lock");
    expect(tryLock(file, () => rmSync(file))).toBeUndefined();
    const replaced = tryLock(file, () => {
      rmSync(file);
      writeFileSync(file, "");
    });
    expect(replaced).toBeUndefined();
    using held = tryLock(file);
    expect(held).toBeDefined();
    expect(tryLock(file)).toBeUndefined();
  });

  it("lets one in at a time among processes, while its file comes and goes", async () => {
    const dir = await made("processes");
    const source = `
      import { openSync, closeSync, rmSync } from "node:fs";
      import { tryLock, withRepositoryLock } from ${module("./repository-lock.ts")};
      for (let n = 0; n < 60; n++) {
        await withRepositoryLock(process.argv[1], { timeoutMs: 60_000 }, async () => {
          closeSync(openSync(process.argv[1] + "/inside", "wx"));
          await new Promise(setImmediate);
          rmSync(process.argv[1] + "/inside");
        });
      }
      console.log("done");`;
    const all = Array.from({ length: 2 }, () => run(source, dir).output);
    expect(await Promise.all(all)).toEqual(["done\n", "done\n"]);
    expect(await readdir(dir)).toEqual([]);
  });
});

describe("ten imports at once, from three processes", () => {
  let user: string;
  let changes: Change[];
  beforeAll(async () => {
    user = await emptyRepository(path("user"));
    const base = await commitFiles(user, { "a.txt": "a\n" });
    const agent = path("agent");
    await testGit(user, ["clone", "--quiet", "--shared", user, agent]);
    const stream = Array.from(
      { length: 10 },
      (_, n) =>
        `commit refs/heads/c${n}\ncommitter A <a@example.org> 1700000000 +0000\ndata 1\n${n}` +
        `\nfrom ${base}\nM 100644 inline n\ndata 1\n${n}\n\n`,
    ).join("");
    await testGit(agent, ["fast-import", "--quiet"], { input: stream });
    const commits = await testGit(agent, [
      "for-each-ref",
      "--format=%(objectname)",
      "refs/heads/c*",
    ]);
    changes = commits.split("\n").map((commit) => ({
      baseCommit: base,
      commit,
      commits: [commit],
      objectDirs: [join(agent, ".git", "objects")],
      shallow: [],
      objectFormat: "sha1",
    }));
  });

  it("give each change a branch and a note", async () => {
    const scratchDir = await made("scratch");
    const changesFile = path("changes.json");
    await writeFile(changesFile, JSON.stringify(changes));
    const source = (mine: number[]) => `
      import { readFileSync } from "node:fs";
      import { importBranch } from ${module("./import-branch.ts")};
      import { openRepository } from ${module("./repository.ts")};
      const changes = JSON.parse(readFileSync(${JSON.stringify(changesFile)}, "utf8"));
      const repo = await openRepository(process.argv[1]);
      await Promise.all(${JSON.stringify(mine)}.map(async (n) => {
        const result = await importBranch({
          repo, change: changes[n],
          branch: "pitaya/x", policy: "auto", conflict: "suffix", skipEmpty: true,
          allowProtected: false, provenance: { "Pitaya-Key": "k" + n }, at: 0,
          scratchDir: ${JSON.stringify(scratchDir)},
        });
        console.log(result.status, result.branch);
      }));`;
    const parts = [
      [0, 1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ];
    const outputs = await Promise.all(parts.map((mine) => run(source(mine), user).output));
    const results = outputs.join("").trim().split("\n");
    const names = Array.from({ length: 10 }, (_, n) =>
      n === 0 ? "pitaya/x" : `pitaya/x_${n + 1}`,
    );
    expect(results.toSorted()).toEqual(names.map((name) => `imported ${name}`).toSorted());
    const notes = await Promise.all(
      changes.map(({ commit }) => testGit(user, ["notes", "--ref=pitaya", "show", commit])),
    );
    expect(notes).toEqual(changes.map((_, n) => `Pitaya-Key: k${n}`));
    await testGit(user, ["fsck", "--strict"]);
    expect(await readdir(join(user, ".git"))).not.toContain("pitaya.lock");
  });
});

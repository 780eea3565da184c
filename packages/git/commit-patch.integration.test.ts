import { access, chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { commitPatch } from "./commit-patch.ts";
import { importBranch } from "./import-branch.ts";
import { openRepository } from "./repository.ts";
import { runGit } from "./run-git.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import {
  changesBetween,
  commitFiles,
  emptyRepository,
  snapshotRepository,
  testGit,
} from "./testing.ts";

const path = useTemporaryDirectory();

let user: string;
let base: string;

beforeAll(async () => {
  user = await emptyRepository(path("user"));
  base = await commitFiles(user, {
    "text.txt": "one\ntwo\nthree\n",
    "gone.txt": "gone\n",
    ".gitattributes": "*.crlf text eol=crlf\n",
    "win.crlf": "a\r\nb\r\n",
  });
});

/** A patch as the harvest keeps it: everything against HEAD, new files included. */
async function keptPatch(change: (dir: string) => Promise<unknown>): Promise<string> {
  const dir = path("workspace");
  await testGit(user, ["clone", "--quiet", "--shared", user, dir]);
  await change(dir);
  await testGit(dir, ["add", "--all"]);
  const { stdout } = await runGit(["diff", "--cached", "--binary", "HEAD"], { cwd: dir });
  const file = path("kept.patch");
  await writeFile(file, stdout);
  return file;
}

function commit(patchPath: string, more: Partial<Parameters<typeof commitPatch>[0]> = {}) {
  return commitPatch({
    patchPath,
    dir: path("patched"),
    onto: base,
    baseCommit: base,
    objectDirs: [join(user, ".git", "objects")],
    shallow: [],
    objectFormat: "sha1",
    message: "What the agent left uncommitted",
    author: { name: "Pitaya Agent", email: "agent@pitaya.local" },
    at: 1_700_000_000_000,
    ...more,
  });
}

describe("commitPatch", () => {
  it("makes a commit that can be imported: binary, new, changed, removed, mode and CRLF", async () => {
    const patch = await keptPatch(async (dir) => {
      await leave(dir, {
        "text.txt": "one\n2\nthree\n",
        'new ü\n"odd".bin': Buffer.from([0, 1, 2, 255, 10, 13]),
        "win.crlf": "a\r\nb\r\nc\r\n",
        empty: "",
      });
      await testGit(dir, ["rm", "--quiet", "gone.txt"]);
      await chmod(join(dir, "text.txt"), 0o755);
    });
    const before = await snapshotRepository(user);
    const change = await commit(patch);
    expect(change).toMatchObject({ commitCount: 1, filesChanged: 5, insertions: 2, deletions: 2 });
    expect((await commit(patch)).commit).toBe(change.commit);
    const repo = await openRepository(user);
    const scratchDir = path("scratch");
    await mkdir(scratchDir);
    const result = await importBranch({
      ...{ repo, change, branch: "kept", policy: "auto", conflict: "fail", skipEmpty: true },
      ...{
        allowProtected: false,
        provenance: { "Pitaya-Run": "r" },
        at: 0,
        scratchDir,
      },
    });
    expect(result).toMatchObject({ status: "imported" });
    expect(changesBetween(before, await snapshotRepository(user))).toEqual([
      "git logs/refs/heads/kept",
      "git logs/refs/notes/pitaya",
      "ref refs/heads/kept",
      "ref refs/notes/pitaya",
    ]);
    const tree = await testGit(user, ["ls-tree", "--format=%(objectmode) %(path)", "kept"]);
    expect(tree).toContain("100755 text.txt");
    const { stdout } = await runGit(["cat-file", "blob", 'kept:new ü\n"odd".bin'], { cwd: user });
    expect([...stdout]).toEqual([0, 1, 2, 255, 10, 13]);
    expect(await testGit(user, ["log", "-1", "--format=%an %ae %cn %cI %s", "kept"])).toBe(
      "Pitaya Agent agent@pitaya.local Pitaya Agent 2023-11-14T22:13:20+00:00 " +
        "What the agent left uncommitted",
    );
  });

  it("goes on top of the agent's own commits", async () => {
    const dir = path("agent");
    await testGit(user, ["clone", "--quiet", "--shared", user, dir]);
    const onto = await commitFiles(dir, { "text.txt": "changed\n" });
    await writeFile(join(dir, "text.txt"), "changed again\n");
    const { stdout } = await runGit(["diff", "--binary", "HEAD"], { cwd: dir });
    const patch = path("kept.patch");
    await writeFile(patch, stdout);
    const objectDirs = [join(dir, ".git", "objects"), join(user, ".git", "objects")];
    const change = await commit(patch, { onto, objectDirs });
    expect(change.commits).toEqual([change.commit, onto]);
    expect(await readdir(join(change.objectDirs[0] ?? "", "..", ".."))).toEqual(["git"]);
  });

  it("says why a patch cannot become a commit, and leaves nothing", async () => {
    const other = await keptPatch((dir) => leave(dir, { "text.txt": "x\n" }));
    const wrong = (await readFile(other, "latin1")).replace("-one", "-eins");
    const outside =
      "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n";
    const planted = outside.replaceAll("../x", ".git/config");
    for (const content of ["", "no patch\n", wrong, outside, planted]) {
      const patch = path("bad.patch");
      await writeFile(patch, content, "latin1");
      const dir = path("patched");
      await expect(commit(patch, { dir }), content).rejects.toMatchObject({ code: "patch_failed" });
      await expect(access(dir)).rejects.toThrow("ENOENT");
    }
  });
});

async function leave(dir: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(dir, name, ".."), { recursive: true });
    await writeFile(join(dir, name), content);
  }
}

import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveBase } from "./base.ts";
import { bundleChange } from "./bundle-change.ts";
import { importBranch } from "./import-branch.ts";
import { quarantine } from "./quarantine.ts";
import { openRepository } from "./repository.ts";
import { storePack } from "./store-pack.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import {
  agentWorkspace,
  bundleWork,
  changesBetween,
  commitFiles,
  ODD_KINDS,
  OTHER_BRANCH_SECRET,
  oddRepository,
  snapshotRepository,
  testGit,
} from "./testing.ts";
import { writeBundle } from "./write-bundle.ts";

const path = useTemporaryDirectory();

const BRANCH = "pitaya/simple/run_20260101_000000_00000000/k01234567";

const ALLOWED = [
  `git logs/refs/heads/${BRANCH}`,
  "git logs/refs/notes/pitaya",
  `ref refs/heads/${BRANCH}`,
  "ref refs/notes/pitaya",
];

describe.each(ODD_KINDS.filter((kind) => kind !== "partial-missing"))("%s repository", (kind) => {
  it("sends a base out and takes the agent's branch in, and is otherwise as it was", async () => {
    const dir = path(kind);
    await mkdir(dir);
    const { path: user, bases } = await oddRepository(kind, dir);
    const [repo, before] = await Promise.all([openRepository(user), snapshotRepository(user)]);

    // A tag too, once; every way to name a base is tried where bases are resolved.
    for (const [n, name] of bases.slice(0, kind === "plain" ? 2 : 1).entries()) {
      const at = join(dir, `base-${n}`);
      await mkdir(at);
      const base = await resolveBase(repo, name);
      const sent = await writeBundle({
        repo,
        commit: base.commit,
        known: [],
        path: join(at, "base.bundle"),
      });
      if (sent.kind !== "written") throw new Error("nothing was written");
      expect(sent.shallow).toHaveLength(kind === "shallow" ? 1 : 0);
      const pack = await storePack({
        bundlePath: sent.path,
        dir: join(at, "pack"),
        parents: [],
        tip: sent.tip,
        objectFormat: sent.objectFormat,
        shallow: sent.shallow,
      });

      const workspace = await agentWorkspace(join(at, "workspace"), sent, pack, base.branch);
      expect(await testGit(workspace, ["status", "--porcelain"])).toBe("");
      expect(await testGit(workspace, ["ls-tree", "-r", "-z", "HEAD"])).toBe(
        await testGit(user, ["ls-tree", "-r", "-z", "--full-tree", base.commit]),
      );
      expect(await everyContent(workspace)).not.toContain(OTHER_BRANCH_SECRET);

      const commit = await commitFiles(workspace, {
        "agent's file — ü.md": "new\n",
        "src/main.c": "changed\n",
      });
      const bundlePath = await bundleWork(workspace, join(at, "work.bundle"), [
        `${base.commit}..HEAD`,
      ]);
      const onRunner = await quarantine({
        bundlePath,
        dir: join(at, "quarantine"),
        baseCommit: base.commit,
        objectDirs: pack.objectDirs,
        shallow: sent.shallow,
        objectFormat: sent.objectFormat,
      });
      expect(onRunner).toMatchObject({
        commit,
        commitCount: 1,
        filesChanged: 2,
        lfsPointersAdded: [],
      });

      const stored = await bundleChange({ change: onRunner, path: join(at, "clean.bundle") });
      const change = await quarantine({
        bundlePath: stored.path,
        dir: join(at, "import"),
        baseCommit: base.commit,
        objectDirs: [repo.objectsDir],
        shallow: repo.shallow,
        objectFormat: repo.objectFormat,
      });
      const result = await importBranch({
        repo,
        change,
        branch: n === 0 ? BRANCH : `${BRANCH}-${n}`,
        policy: "auto",
        conflict: "fail",
        skipEmpty: true,
        allowProtected: false,
        provenance: { "Pitaya-Run": "run_1" },
        at: 0,
        scratchDir: at,
      });
      expect(result).toMatchObject({ status: "imported", commit });
      expect(await testGit(user, ["notes", "--ref=pitaya", "show", commit])).toBe(
        "Pitaya-Run: run_1",
      );
      if (n === 0) {
        expect(changesBetween(before, await snapshotRepository(user))).toEqual(
          repo.topLevel === undefined ? ALLOWED.slice(2) : ALLOWED,
        );
      }
    }
    await testGit(user, ["fsck", "--connectivity-only"]);
    expect((await readdir(join(repo.objectsDir, "pack"))).join()).not.toMatch(/keep|tmp/);
  });
});

async function everyContent(workspace: string): Promise<string> {
  return await testGit(workspace, [
    "cat-file",
    "--batch-all-objects",
    "--batch=%(objectname) %(objecttype)",
  ]);
}

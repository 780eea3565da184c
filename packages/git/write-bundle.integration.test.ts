import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { KnownTip } from "./known-tip.ts";
import { openRepository } from "./repository.ts";
import { type StoredPack, storePack } from "./store-pack.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import {
  changesBetween,
  emptyRepository,
  oddRepository,
  snapshotRepository,
  testGit,
} from "./testing.ts";
import { type OutgoingBundle, writeBundle } from "./write-bundle.ts";

const path = useTemporaryDirectory();

/** A line of `count` commits on main, each with files of some size. */
async function line(count: number): Promise<{ dir: string; commits: string[] }> {
  const dir = await emptyRepository(path("repository"));
  await grow(dir, count);
  const commits = (await testGit(dir, ["rev-list", "--reverse", "main"])).split("\n");
  return { dir, commits };
}

async function grow(dir: string, count: number, branch = "main"): Promise<void> {
  const big = Array.from({ length: 500 }, (_, i) => `line ${i}`).join("\n");
  const stream = Array.from({ length: count }, (_, n) => {
    const content = `${big}\n${branch} ${n} ${Math.floor(n / 2)}\n`;
    return (
      `commit refs/heads/${branch}\ncommitter U <u@example.org> ${1_700_000_000 + n} +0000\n` +
      `data 2\nc\n${n === 0 ? `from refs/heads/${branch}^0\n` : ""}` +
      `M 100644 inline file\ndata ${content.length}\n${content}\n`
    );
  }).join("");
  const isThere = await testGit(dir, ["rev-parse", "--verify", "--quiet", branch], {
    exits: [0, 1],
  });
  const input = isThere === "" ? stream.replace(/^from .*\n/m, "") : stream;
  await testGit(dir, ["fast-import", "--quiet"], { input });
}

const written = (bundle: OutgoingBundle) => {
  if (bundle.kind !== "written") throw new Error("nothing was written");
  return bundle;
};

const known = (...commits: string[]): KnownTip[] =>
  commits.map((commit) => ({ commit, shallow: [] }));

async function send(
  dir: string,
  commit: string,
  tips: readonly KnownTip[] = [],
): Promise<OutgoingBundle> {
  const repo = await openRepository(dir);
  return await writeBundle({ repo, commit, known: tips, path: path("base.bundle") });
}

function store(bundle: OutgoingBundle, parents: readonly string[] = []): Promise<StoredPack> {
  const { path: bundlePath, tip, objectFormat, shallow } = written(bundle);
  return storePack({ bundlePath, dir: path("pack"), tip, objectFormat, parents, shallow });
}

const objectsIn = async (pack: StoredPack) =>
  (
    await testGit(pack.dir, ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], {
      gitDir: pack.dir,
    })
  ).split("\n");

describe("writeBundle", () => {
  it("writes a bundle that git itself takes, and names it by content", async () => {
    const { dir, commits } = await line(3);
    const bundle = written(await send(dir, commits[2] ?? ""));
    const content = await readFile(bundle.path);
    expect(bundle).toMatchObject({ tip: commits[2], shallow: [], objectFormat: "sha1" });
    expect(bundle.bytes).toBe(content.length);
    expect(bundle.sha256).toBe(createHash("sha256").update(content).digest("hex"));
    expect(bundle).not.toHaveProperty("parentTip");
    const heads = await testGit(dirname(bundle.path), ["bundle", "list-heads", bundle.path]);
    expect(heads).toBe(`${commits[2]} refs/pitaya/base`);
    await testGit(dirname(bundle.path), ["clone", "--quiet", bundle.path, path("clone")], {
      env: { GIT_ALLOW_PROTOCOL: "file" },
    });
  });

  it("writes the same bytes for the same commit", async () => {
    const { dir, commits } = await line(12);
    const [once, twice] = await Promise.all([
      send(dir, commits[11] ?? ""),
      send(dir, commits[11] ?? ""),
    ]);
    expect(written(once).sha256).toBe(written(twice).sha256);
  });

  it("leaves no trace in the user's repository, and none beside the bundle", async () => {
    const { path: dir } = await oddRepository("plain", await made("odd"));
    const before = await snapshotRepository(dir);
    const objects = await readdir(join(dir, ".git", "objects"), { recursive: true });
    const repo = await openRepository(dir);
    const out = await made("out");
    const commit = await testGit(dir, ["rev-parse", "trunk"]);
    const more = known(await testGit(dir, ["rev-parse", "trunk~1"]));
    await writeBundle({ repo, commit, known: more, path: join(out, "b") });
    expect(changesBetween(before, await snapshotRepository(dir))).toEqual([]);
    expect(await readdir(join(dir, ".git", "objects"), { recursive: true })).toEqual(objects);
    expect(await readdir(out)).toEqual(["b"]);
  });

  it("sends the difference from the nearest ancestor that is known", async () => {
    const { dir, commits } = await line(10);
    await testGit(dir, ["branch", "other", "main~4"]);
    await grow(dir, 3, "other");
    const other = await testGit(dir, ["rev-parse", "other"]);
    const tips = known(commits[1] ?? "", commits[7] ?? "", other, commits[3] ?? "", "f".repeat(40));
    const bundle = await send(dir, commits[9] ?? "", tips);
    expect(bundle).toMatchObject({ kind: "written", parentTip: commits[7] });

    const parent = await store(await send(dir, commits[7] ?? ""));
    const pack = await store(bundle, [parent.dir]);
    const own = await readdir(join(pack.dir, "objects", "pack"));
    expect(own.filter((name) => name.endsWith(".idx"))).toHaveLength(1);
    const without = (await objectsIn(pack)).filter((id) => commits.includes(id));
    expect(without.sort()).toEqual([...commits].sort());
    const alone = await testGit(pack.dir, ["show-index"], {
      stdinFile: join(pack.dir, "objects", "pack", own.find((name) => name.endsWith(".idx")) ?? ""),
    });
    expect(alone).toContain(commits[9]);
    expect(alone).not.toContain(commits[7]);
  });

  it("chooses the nearer side of a merge", async () => {
    const { dir, commits } = await line(2);
    await testGit(dir, ["branch", "left"]);
    await testGit(dir, ["branch", "right"]);
    await grow(dir, 5, "left");
    await grow(dir, 1, "right");
    const [left, right] = [await rev(dir, "left"), await rev(dir, "right")];
    const merge = await testGit(dir, [
      ...["commit-tree", "-p", left, "-p", right, "-m", "merge", `${left}^{tree}`],
    ]);
    for (const tips of [known(left, right), known(right, left), known(commits[0] ?? "", left)]) {
      expect(await send(dir, merge, tips)).toMatchObject({ parentTip: left });
    }
  });

  it("sends nothing when the tip is known, and all of it when only others are", async () => {
    const { dir, commits } = await line(2);
    const [first = "", second = ""] = commits;
    expect(await send(dir, second, known(first, second))).toEqual({
      kind: "known",
      tip: second,
      shallow: [],
      objectFormat: "sha1",
    });
    expect(await send(dir, first, known(second))).not.toHaveProperty("parentTip");
  });

  it("does not build on what was sent with another shallow boundary", async () => {
    const { dir: origin } = await line(6);
    const dir = path("shallow");
    await testGit(origin, ["clone", "--quiet", "--depth=3", `file://${origin}`, dir]);
    const tip = await rev(dir, "HEAD");
    const parent = await rev(dir, "HEAD~1");
    const first = written(await send(dir, parent));
    expect(first.shallow).toEqual([await rev(dir, "HEAD~2")]);
    const tips = [{ commit: parent, shallow: first.shallow }];
    const second = written(await send(dir, tip, tips));
    expect(second).toMatchObject({ parentTip: parent, shallow: first.shallow });
    const pack = await store(second, [(await store(first)).dir]);
    expect(await testGit(pack.dir, ["rev-list", "--count", tip], { gitDir: pack.dir })).toBe("3");

    await testGit(dir, ["fetch", "--quiet", "--deepen=1"]);
    const deeper = written(await send(dir, tip, tips));
    expect(deeper.shallow).toEqual([await rev(origin, "main~3")]);
    expect(deeper).not.toHaveProperty("parentTip");
    await testGit(dir, ["fetch", "--quiet", "--unshallow"]);
    expect(written(await send(dir, tip, tips))).toMatchObject({ shallow: [] });
    expect(await send(dir, tip, [{ commit: tip, shallow: first.shallow }])).toHaveProperty("path");
  });

  it("says what to do where a partial clone lacks objects", async () => {
    const { path: dir } = await oddRepository("partial-missing", await made("odd"));
    await expect(send(dir, await rev(dir, "HEAD"))).rejects.toMatchObject({
      code: "repository_unsupported",
      message: expect.stringContaining("partial clone"),
      hint: expect.stringContaining("--refetch"),
    });
  });

  it("tells damage from a partial clone", async () => {
    const { dir, commits } = await line(2);
    const blob = await rev(dir, `${commits[0]}:file`);
    await rm(join(dir, ".git", "objects", blob.slice(0, 2), blob.slice(2)));
    await expect(send(dir, commits[1] ?? "")).rejects.toMatchObject({
      code: "repository_unsupported",
      hint: expect.stringContaining("fsck"),
    });
  });
});

describe("storePack", () => {
  it("changes nothing the second time, nor with two at once", async () => {
    const { dir, commits } = await line(2);
    const sent = written(await send(dir, commits[1] ?? ""));
    const at = await made("packs");
    const options = {
      bundlePath: sent.path,
      dir: join(at, "sha256-1"),
      tip: sent.tip,
      objectFormat: sent.objectFormat,
      parents: [],
      shallow: [],
    };
    const [one, two] = await Promise.all([storePack(options), storePack(options)]);
    expect(one).toEqual(two);
    expect(one.objectDirs).toEqual([join(options.dir, "objects")]);
    const { mtimeMs } = await stat(join(options.dir, "config"));
    await rm(sent.path);
    expect(await storePack(options)).toEqual(one);
    expect((await stat(join(options.dir, "config"))).mtimeMs).toBe(mtimeMs);
    expect(await readdir(at)).toEqual(["sha256-1"]);
  });

  it("reads through seven parents, where git would follow five", async () => {
    const { dir, commits } = await line(8);
    let parent: { pack: StoredPack; tip: string } | undefined;
    for (const tip of commits) {
      const bundle = await send(dir, tip, known(...(parent === undefined ? [] : [parent.tip])));
      const pack = await store(bundle, parent === undefined ? [] : [parent.pack.dir]);
      parent = { pack, tip };
    }
    expect(parent?.pack.objectDirs).toHaveLength(8);
    const all = parent === undefined ? [] : await objectsIn(parent.pack);
    expect(all).toEqual(expect.arrayContaining(commits));
  });

  it("refuses what is damaged, lacks its parent, or stands elsewhere, and leaves nothing", async () => {
    const { dir, commits } = await line(3);
    const [first = "", , last = ""] = commits;
    const full = written(await send(dir, last));
    const difference = written(await send(dir, last, known(first)));
    const at = await made("packs");
    const into = (bundlePath: string, tip = last) =>
      storePack({
        ...{ bundlePath, dir: join(at, "pack"), tip, objectFormat: "sha1" as const },
        ...{ parents: [], shallow: [] },
      });

    const content = await readFile(full.path);
    content[content.length - 100] = (content[content.length - 100] ?? 0) ^ 0xff;
    const broken = path("broken.bundle");
    await writeFile(broken, content);
    const rejects = async (call: Promise<unknown>, reason: string) =>
      await expect(call, reason).rejects.toMatchObject({
        code: "bundle_rejected",
        details: { reason },
      });
    await rejects(into(broken), "damaged");
    await rejects(into(difference.path), "damaged");
    await rejects(into(full.path, first), "tip");
    const lying = path("lying.bundle");
    const claimed = first.replace(/./, (digit) => (digit === "0" ? "1" : "0"));
    await writeFile(lying, (await readFile(full.path, "latin1")).replace(last, claimed), "latin1");
    await rejects(into(lying, claimed), "tip");
    expect(await readdir(at)).toEqual([]);
  });

  it("takes a history from careless times, and none that tricks a checkout", async () => {
    const { dir } = await line(1);
    const tree = await rev(dir, "HEAD^{tree}");
    const identity = "U <u> 1 +0000";
    const careless = await testGit(
      dir,
      ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
      {
        input: `tree ${tree}\nauthor U u@example.org 1 +5\ncommitter ${identity}\n\nold\n`,
      },
    );
    expect((await store(await send(dir, careless))).dir).toBeTruthy();

    const blob = await rev(dir, "HEAD:file");
    const raw = Buffer.concat([Buffer.from("100644 .git\0"), Buffer.from(blob, "hex")]);
    const evil = await testGit(dir, ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], {
      input: raw,
    });
    const commit = await testGit(dir, ["commit-tree", "-m", "evil", evil]);
    await expect(store(await send(dir, commit))).rejects.toMatchObject({
      code: "bundle_rejected",
      message: expect.stringContaining("hasDotgit"),
    });
  });
});

const rev = (dir: string, revision: string) => testGit(dir, ["rev-parse", revision]);

async function made(name: string): Promise<string> {
  const dir = path(name);
  await mkdir(dir);
  return dir;
}

import { execFileSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { collect } from "../../ports/executor.contract.ts";
import type { AttemptSpec, WorkspaceSpec } from "../../ports/executor.port.ts";
import { type EngineLab, engineLab } from "../../testing/engine-lab.ts";

const specs: AttemptSpec[] = [];

/** Prints what a work tree and its repository look like, but for times and owners. */
const PORTRAIT = `
  git status --porcelain --ignored
  find . -path ./.git -prune -o -printf '%M %p %l\\n' | sort
  git ls-files -z | xargs -0 -r -n 1 sh -c 'test ! -f "$0" || sha256sum "./$0"'
  git for-each-ref --format='%(refname) %(objectname)'
  git log --format='%H %an %s'`;

/** A repository with what is easily spoiled on the way. */
async function oddRepository(lab: EngineLab) {
  const { source } = lab;
  const { dir } = source;
  await source.write("run.sh", "#!/bin/sh\necho run\n", 0o755);
  await symlink("run.sh", join(dir, "link"));
  await symlink("/nowhere/at all", join(dir, "dangling"));
  await source.write(
    ".gitattributes",
    "*.crlf text eol=crlf\n*.bin filter=lfs diff=lfs merge=lfs -text\n",
  );
  await source.write("dos.crlf", "one\r\ntwo\r\n");
  await source.write("mixed.txt", "one\r\ntwo\n");
  await source.write(
    "big.bin",
    `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 12345\n`,
  );
  await mkdir(join(dir, "dïr mit ünïcode"));
  await source.write("dïr mit ünïcode/日本 語.txt", "text\n");
  await source.write(".gitignore", "ignored/\n");
  await source.write(
    ".gitmodules",
    '[submodule "sub"]\n\tpath = sub\n\turl = https://example.com/sub.git\n',
  );
  source.git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},sub`);
  source.git("add", "-A", "--", ":!sub");
  source.git("commit", "-q", "-m", "odd");
  return lab.source.bundle("main");
}

describe.each(["auto", "copy"] as const)("a workspace (%s)", (workspaces) => {
  let lab: EngineLab;
  let odd: Awaited<ReturnType<typeof oddRepository>>;
  beforeAll(async () => {
    lab = await engineLab({ workspaces });
    odd = await oddRepository(lab);
    await lab.executor.storePack(odd.pack, odd.path);
  });
  afterEach(async () => {
    for (const { name } of specs.splice(0)) await lab.executor.remove(name);
  });
  afterAll(async () => {
    expect(await lab?.close()).toEqual([]);
  });

  const look = async (
    script: string,
    workspace: Partial<WorkspaceSpec>,
    change: Partial<AttemptSpec> = {},
  ) => {
    const spec = lab.attempt(script, { workspace: lab.workspace(workspace), ...change });
    specs.push(spec);
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    const { stdout, stderr } = await collect(execution);
    expect(stderr.toString()).toBe("");
    expect(await execution.exit).toMatchObject({ exitCode: 0 });
    return { spec, text: stdout.toString() };
  };

  it("looks as a plain clone does, and is clean, without remote, tags and other objects", async () => {
    lab.source.git("branch", "-f", "other", "main");
    const { text } = await look(
      `${PORTRAIT}; echo ---; git remote; git tag; git config user.name; git config user.email; git symbolic-ref HEAD; echo ---; git cat-file --batch-all-objects --batch-check='%(objectname)' | sort`,
      { commit: odd.tip, packs: [odd.pack.sha256] },
    );
    const [portrait, config, objects] = text.split("---\n");

    const clone = join(lab.dir, `clone-${workspaces}`);
    execFileSync("git", ["clone", "-q", "--no-local", "--single-branch", lab.source.dir, clone]);
    execFileSync("git", ["-C", clone, "remote", "remove", "origin"]);
    const expected = execFileSync("sh", ["-c", PORTRAIT], { cwd: clone, encoding: "utf8" });
    expect(portrait).toBe(expected);
    expect(config).toBe("Pitaya Agent\nagent@pitaya.local\nrefs/heads/main\n");
    const closure = lab.source.git("rev-list", "--objects", "--no-object-names", odd.tip);
    expect(objects?.trim().split("\n")).toEqual(closure.split("\n").sort());
  });

  it("is not made with a limit that the engine refuses, and that is nothing to try again", async () => {
    const spec = lab.attempt("true", {
      workspace: lab.workspace({ commit: odd.tip, packs: [odd.pack.sha256] }),
    });
    specs.push(spec);
    const refused = { ...spec, limits: { ...spec.limits, memoryBytes: 4096 } };
    await expect(lab.executor.prepare(refused)).rejects.toMatchObject({
      code: "task_unsupported",
      retryable: false,
      message: expect.stringMatching(/memory limit/i),
    });
  });

  it("brings every kind of uncommitted work home as a patch", async () => {
    const { spec } = await look(
      `echo changed >>README; rm link; ln -s README link; git rm -q mixed.txt
       head -c 1000 /dev/zero | tr '\\0' '\\1' >bytes.dat; echo new >new.sh; chmod +x new.sh; chmod -x run.sh
       mkdir ignored; echo ignored >ignored/file; echo 'staged' >staged.txt; git add staged.txt`,
      { commit: odd.tip, packs: [odd.pack.sha256] },
    );
    const { patchPath = "", trouble } = await lab.harvest(spec);
    expect(trouble).toBeUndefined();
    const clone = join(lab.dir, `patched-${workspaces}`);
    execFileSync("git", ["clone", "-q", "--no-local", "--single-branch", lab.source.dir, clone]);
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", clone, ...args], { encoding: "utf8" });
    git("apply", "--index", "--binary", patchPath);
    expect(git("status", "--porcelain").split("\n").filter(Boolean).sort()).toEqual([
      "A  bytes.dat",
      "A  new.sh",
      "A  staged.txt",
      "D  mixed.txt",
      "M  README",
      "M  link",
      "M  run.sh",
    ]);
    expect(git("ls-files", "-s", "new.sh", "run.sh").match(/^\d+/gm)).toEqual(["100755", "100644"]);
    expect(git("show", ":bytes.dat")).toBe("\x01".repeat(1000));
  });

  it("has files of ours where they belong, whatever a commit has put there", async () => {
    const { source } = lab;
    source.git("checkout", "-q", "-b", `trap-${workspaces}`);
    await symlink("/tmp", join(source.dir, "checks"));
    await symlink("/home/agent", join(source.dir, "plain"));
    await mkdir(join(source.dir, "test.sh"));
    await source.write("test.sh/x", "in the way\n");
    source.commit("trap");
    const trap = await source.bundle(`trap-${workspaces}`);
    source.git("checkout", "-q", "main");
    await lab.executor.storePack(trap.pack, trap.path);
    const file = (path: string, isExecutable: boolean) => ({
      path,
      bytes: Buffer.from("#!/bin/sh\necho held out\n"),
      isExecutable,
    });
    const { text } = await look(
      "./test.sh; ./checks/deep/x; stat -c %a checks checks/deep/x plain; ls -A /tmp",
      { commit: trap.tip, branch: "b", packs: [trap.pack.sha256] },
      { files: [file("test.sh", true), file("checks/deep/x", true), file("plain", false)] },
    );
    expect(text).toBe("held out\nheld out\n755\n755\n644\n");
  });

  it("is read-only for an attempt that only looks", async () => {
    const { text } = await look(
      "cat README; touch x 2>/dev/null || echo refused; git status --porcelain",
      {},
      { readOnly: true },
    );
    expect(text).toBe("hello\nrefused\n");
  });
});

describe("bases", () => {
  let lab: EngineLab;
  beforeAll(async () => {
    lab = await engineLab();
  });
  afterEach(async () => {
    for (const { name } of specs.splice(0)) await lab.executor.remove(name);
  });
  afterAll(async () => {
    expect(await lab?.close()).toEqual([]);
  });
  const objects = async (workspace: Partial<WorkspaceSpec>) => {
    const spec = lab.attempt(
      "git status --porcelain; git fsck --no-dangling 2>&1; git for-each-ref --format='%(refname)'; git cat-file --batch-all-objects --batch-check='%(objectname)' | sort; echo x >x; git add x; git commit -q -m x",
      { workspace: lab.workspace(workspace) },
    );
    specs.push(spec);
    const { stdout, stderr, exit, harvest } = await lab.run(spec);
    expect(stderr.toString()).toBe("");
    expect(exit).toMatchObject({ exitCode: 0 });
    expect(harvest.bundlePath).toBeDefined();
    const lines = stdout.toString().trim().split("\n");
    return {
      refs: lines.filter((line) => line.startsWith("refs/")),
      objects: lines.filter((line) => /^[0-9a-f]{40,64}$/.test(line)),
      harvest,
    };
  };
  const closure = (...tips: string[]) =>
    lab.source
      .git("rev-list", "--objects", "--no-object-names", ...tips)
      .split("\n")
      .sort();

  it("come in parts that build on each other, without what other branches hold", async () => {
    const { source } = lab;
    await source.write("large.txt", "line\n".repeat(5_000));
    source.commit("second");
    const second = await source.bundle("main", [lab.base]);
    await source.write("large.txt", `${"line\n".repeat(5_000)}more\n`);
    source.commit("third");
    const third = await source.bundle("main", [second]);
    source.git("checkout", "-q", "-b", "secret", lab.base.tip);
    await source.write("secret.txt", "not for others\n");
    source.commit("secret");
    const secret = await source.bundle("secret", [lab.base]);
    source.git("checkout", "-q", "main");
    for (const one of [second, third, secret]) {
      await lab.executor.storePack(one.pack, one.path);
    }

    const packs = [third.pack.sha256, ...third.pack.parents];
    const plain = await objects({ commit: third.tip, packs });
    expect(plain.refs).toEqual(["refs/heads/main"]);
    expect(plain.objects).toEqual(closure(third.tip));

    const both = await objects({
      commit: third.tip,
      packs: [...packs, secret.pack.sha256],
      includes: [{ branch: "feature/secret", commit: secret.tip }],
    });
    expect(both.refs).toEqual(["refs/heads/feature/secret", "refs/heads/main"]);
    expect(both.objects).toEqual(closure(third.tip, secret.tip));
  });

  it("may be shallow", async () => {
    const { source } = lab;
    for (const n of [1, 2, 3]) {
      await source.write("count.txt", `${n}\n`);
      source.commit(`count ${n}`);
    }
    const dir = join(lab.dir, "shallow");
    execFileSync("git", ["clone", "-q", "--depth", "2", `file://${source.dir}`, dir]);
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", dir, ...args], { encoding: "utf8" }).trim();
    const shallow = execFileSync("cat", [join(dir, ".git/shallow")], { encoding: "utf8" })
      .trim()
      .split("\n");
    const path = join(lab.dir, "shallow.bundle");
    git("bundle", "create", "-q", path, "main");
    const pack = { sha256: "5".repeat(64), bytes: 0, parents: [], shallow };
    await lab.executor.storePack(pack, path);
    const tip = git("rev-parse", "HEAD");
    const found = await objects({ commit: tip, packs: [pack.sha256], shallow });
    expect(found.objects).toEqual(
      git("rev-list", "--objects", "--no-object-names", tip).split("\n").sort(),
    );
    expect(lab.fetch(found.harvest)).toBe(found.harvest.head);
    expect(source.git("rev-parse", "refs/harvested^")).toBe(tip);
  });

  it("may name objects by sha256", async () => {
    const dir = join(lab.dir, "sha256");
    await mkdir(dir);
    execFileSync("git", ["init", "-q", "--object-format=sha256", "-b", "main", dir]);
    await writeFile(join(dir, "a"), "a\n");
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", dir, "-c", "user.name=U", "-c", "user.email=u@e", ...args], {
        encoding: "utf8",
      }).trim();
    git("add", "a");
    git("commit", "-q", "-m", "a");
    const path = join(lab.dir, "sha256.bundle");
    git("bundle", "create", "-q", path, "main");
    const pack = { sha256: "6".repeat(64), bytes: 0, parents: [], shallow: [] };
    await lab.executor.storePack(pack, path);
    const found = await objects({
      objectFormat: "sha256",
      commit: git("rev-parse", "HEAD"),
      packs: [pack.sha256],
    });
    expect(found.objects).toHaveLength(3);
    expect(found.harvest.head).toHaveLength(64);
  });

  it("are refused when git finds fault with them, and nothing of them stays", async () => {
    const path = join(lab.dir, "broken.bundle");
    const good = await lab.source.bundle("main");
    const bytes = execFileSync("cat", [good.path]);
    const pack = { sha256: "7".repeat(64), bytes: bytes.length, parents: [], shallow: [] };
    await writeFile(path, bytes.subarray(0, bytes.length - 40));
    await expect(lab.executor.storePack(pack, path)).rejects.toMatchObject({ code: "git_failed" });
    await writeFile(path, "no bundle\n");
    await expect(lab.executor.storePack(pack, path)).rejects.toMatchObject({
      code: "blob_corrupt",
    });

    expect(await lab.executor.hasPack(pack.sha256)).toBe(false);
    expect((await lab.leftovers()).join()).not.toContain(pack.sha256);
  });

  it("are stored anew when someone removed their volume", async () => {
    const { pack, path } = await lab.source.bundle("main");
    await lab.executor.storePack(pack, path);
    await lab.engine.getVolume(lab.naming.pack(pack.sha256)).remove();
    expect(await lab.executor.hasPack(pack.sha256)).toBe(false);
    await lab.executor.storePack(pack, path);
    expect(await lab.executor.hasPack(pack.sha256)).toBe(true);
  });
});

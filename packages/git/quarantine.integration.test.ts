import { execFileSync } from "node:child_process";
import { access, appendFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { addedContent } from "./added-content.ts";
import { bundleChange } from "./bundle-change.ts";
import { type QuarantineLimits, quarantine } from "./quarantine.ts";
import type { RejectionReason } from "./rejection.ts";
import { runGit } from "./run-git.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import { bundleWork, commitFiles, emptyRepository, testGit } from "./testing.ts";

const path = useTemporaryDirectory();

/** The user's side: `base` and its history, and another branch that an agent has no business with. */
let user: string;
let base: string;
let other: string;
let objects: string;

beforeAll(async () => {
  user = await emptyRepository(path("user"));
  const lines = `${Array.from({ length: 300 }, (_, i) => `line ${i}`).join("\n")}\n`;
  await commitFiles(user, { "big.txt": lines, "gone.txt": "a\nb\n", "kept.psd": pointer(1) });
  base = await commitFiles(user, { "second.txt": "2\n" });
  await testGit(user, ["checkout", "--quiet", "-b", "other", "main~1"]);
  other = await commitFiles(user, { "other.txt": "other\n" });
  await testGit(user, ["checkout", "--quiet", "main"]);
  objects = join(user, ".git", "objects");
});

const pointer = (n: number) =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${String(n).padStart(64, "0")}\nsize ${n}\n`;

/** A repository over the base, as the agent has it. */
async function workspace(): Promise<string> {
  const dir = await emptyRepository(path("workspace"));
  await writeFile(join(dir, ".git", "objects", "info", "alternates"), `${objects}\n`);
  await testGit(dir, ["checkout", "--quiet", "-B", "main", base]);
  return dir;
}

const bundled = (dir: string, ...revisions: string[]) =>
  bundleWork(dir, path("work.bundle"), revisions.length > 0 ? revisions : [`${base}..HEAD`]);

function check(bundlePath: string, more: Partial<Parameters<typeof quarantine>[0]> = {}) {
  return quarantine({
    bundlePath,
    dir: path("quarantine"),
    baseCommit: base,
    objectDirs: [objects],
    shallow: [],
    objectFormat: "sha1",
    ...more,
  });
}

async function expectRejected(
  bundlePath: string,
  reason: RejectionReason,
  more: Partial<Parameters<typeof quarantine>[0]> = {},
): Promise<void> {
  const dir = path("rejected");
  const call = check(bundlePath, { ...more, dir });
  await expect(call).rejects.toMatchObject({ code: "bundle_rejected", details: { reason } });
  await expect(access(dir)).rejects.toThrow("ENOENT");
}

/** A bundle whose header says what it likes, around the pack of `revisions`. */
async function forged(dir: string, header: string, revisions: readonly string[]): Promise<string> {
  return packed(dir, header, ["pack-objects", "--revs", "--stdout", "-q"], revisions);
}

async function packed(
  dir: string,
  header: string,
  command: readonly string[],
  lines: readonly string[],
): Promise<string> {
  const input = lines.map((line) => `${line}\n`).join("");
  const { stdout } = await runGit(command, { cwd: dir, input });
  const file = path("forged.bundle");
  await writeFile(file, Buffer.concat([Buffer.from(header, "latin1"), stdout]));
  return file;
}

const forge = async (dir: string, tip: string, revisions = [tip, `^${base}`]) =>
  forged(dir, `# v2 git bundle\n-${base} \n${tip} HEAD\n\n`, revisions);

/** An object git would not make. */
const plant = (dir: string, type: string, content: string | Buffer) =>
  testGit(dir, ["hash-object", "-t", type, "-w", "--stdin", "--literally"], { input: content });

describe("a bundle that passes", () => {
  it("is counted here, whatever names its files have", async () => {
    const dir = await workspace();
    const first = await commitFiles(dir, {
      "gone.txt": null,
      "big.txt": `${(await readFile(join(dir, "big.txt"), "utf8")).replace("line 7\n", "")}new\n`,
      '-rf\n\t"quoted" :é': "1\n2\n3\n",
      binary: "\0\u0001",
    });
    const commit = await commitFiles(dir, { ":colon": "x\n" });
    const passed = await check(await bundled(dir));
    expect(passed).toMatchObject({
      baseCommit: base,
      commit,
      commits: [commit, first],
      commitCount: 2,
      tree: await testGit(dir, ["rev-parse", "HEAD^{tree}"]),
      filesChanged: 5,
      insertions: 1 + 3 + 1,
      deletions: 2 + 1,
      lfsPointersAdded: [],
    });
    expect(passed.objectDirs).toHaveLength(2);
  });

  it("names the LFS pointers that came or changed, and no others", async () => {
    const dir = await workspace();
    await commitFiles(dir, {
      "kept.psd": pointer(2),
      "new ü.psd": pointer(3),
      "almost.psd": pointer(4).replace("oid", "id"),
      "short.txt": "version https://git-lfs.github.com/spec/v1\n",
      "run.sh": "#!/bin/sh\n",
    });
    const { lfsPointersAdded } = await check(await bundled(dir));
    expect(lfsPointersAdded).toEqual(["kept.psd", "new ü.psd"]);
  });

  it("may merge earlier commits of the base, and what was included beside it", async () => {
    const dir = await workspace();
    await testGit(dir, ["checkout", "--quiet", "-b", "older", "main~1"]);
    await commitFiles(dir, { "older.txt": "" });
    await testGit(dir, ["checkout", "--quiet", "main"]);
    await testGit(dir, ["merge", "--quiet", "--no-edit", "older"]);
    expect(await check(await bundled(dir))).toMatchObject({ commitCount: 2 });

    await testGit(dir, ["merge", "--quiet", "--no-edit", other]);
    const both = await bundled(dir, "HEAD", "--not", base, other);
    expect(await check(both, { includes: [other] })).toMatchObject({ commitCount: 3 });
    expect(await check(await bundled(dir), { includes: [other] })).toMatchObject({
      commitCount: 3,
      filesChanged: 2,
    });
    await expectRejected(both, "prerequisites");
  });

  it("may stand on imperfect history: only what is new is checked", async () => {
    const dir = await workspace();
    const tree = await testGit(dir, ["rev-parse", "HEAD^{tree}"]);
    const careless = await plant(
      dir,
      "commit",
      `tree ${tree}\nparent ${base}\nauthor U u@example.org 1 +5\ncommitter U <u> 1 +0000\n\nold\n`,
    );
    await testGit(dir, ["reset", "--quiet", "--hard", careless]);
    await commitFiles(dir, { new: "" });
    const passed = await check(await bundled(dir, `${careless}..HEAD`), {
      baseCommit: careless,
      objectDirs: [objects, join(dir, ".git", "objects")],
    });
    expect(passed.commitCount).toBe(1);
    await expectRejected(await bundled(dir), "damaged");
  });

  it("can be read whole: messages, names and contents, and nothing of the base", async () => {
    const dir = await workspace();
    await commitFiles(
      dir,
      { "in a name": "in a file", big: "x".repeat(17_000_000) },
      "in a message",
    );
    await commitFiles(dir, { "in a name": null });
    const change = await check(await bundled(dir));
    const at = path("content");
    let all = "";
    for await (const bytes of addedContent(change, { dir: at })) {
      all += Buffer.from(bytes).toString("latin1");
    }
    for (const word of ["in a name", "in a file", "in a message"]) expect(all).toContain(word);
    expect(all).not.toContain("line 7\n");
    expect(all.split("x").length).toBeGreaterThan(17_000_000);
    await expect(access(at)).rejects.toThrow("ENOENT");
  });

  it("is bundled anew without what its commit does not reach", async () => {
    const dir = await workspace();
    const commit = await commitFiles(dir, { new: "" });
    const hidden = await plant(dir, "blob", "a hidden blob");
    const change = await check(await forge(dir, commit, [commit, hidden, `^${base}`]));
    expect(await objectsOf(change.objectDirs[0])).toContain(hidden);
    const clean = await bundleChange({ change, path: path("clean.bundle") });
    const again = await check(clean.path);
    expect(again).toMatchObject({ commit, commitCount: 1, filesChanged: 1 });
    expect(await objectsOf(again.objectDirs[0])).not.toContain(hidden);
    expect(await testGit(user, ["bundle", "verify", "--quiet", clean.path])).not.toContain("error");
  });
});

const objectsOf = async (dir = "") =>
  testGit(dir, ["cat-file", "--batch-all-objects", "--batch-check"], { gitDir: join(dir, "..") });

describe("a bundle is refused that", () => {
  it("is none, is no file, or is too large", async () => {
    const file = path("file");
    for (const content of ["", "# v2 git bundle\n", `${base} HEAD\n\n`, "# v9 git bundle\n\n"]) {
      await writeFile(file, content);
      await expectRejected(file, "not_a_bundle");
    }
    await writeFile(file, Buffer.alloc(600_000, "# v2 git bundle\n"));
    await expectRejected(file, "not_a_bundle");
    await expectRejected(file, "too_large", { limits: { maxBytes: 599_999 } });
    const link = path("link");
    await symlink(await bundled(user, "HEAD"), link);
    await expectRejected(link, "not_a_bundle");
    const fifo = path("fifo");
    execFileSync("mkfifo", [fifo]);
    await expectRejected(fifo, "not_a_bundle");
    await expectRejected(user, "not_a_bundle");
  });

  it("has another header than one plain ref on the right object format", async () => {
    const tip = "1234567890".repeat(4);
    const bundle = async (...lines: string[]) => {
      const file = path("header.bundle");
      await writeFile(file, Buffer.from(`${lines.join("\n")}\n\nPACK`, "latin1"));
      return file;
    };
    const v2 = (...lines: string[]) => bundle("# v2 git bundle", ...lines);
    const v3 = (...lines: string[]) => bundle("# v3 git bundle", ...lines);
    await expectRejected(await v2(`-${base}`), "no_ref");
    await expectRejected(await v2(`${tip} HEAD`, `${tip} refs/heads/x`), "many_refs");
    for (const name of [
      "refs/tags/v1",
      "refs/replace/x",
      "refs/notes/pitaya",
      "refs/heads/",
      "x",
    ]) {
      await expectRejected(await v2(`${tip} ${name}`), "ref_name");
      await expectRejected(await v2(`${tip} HEAD`, `${tip} ${name}`), "ref_name");
    }
    await expectRejected(await v3("@filter=blob:none", `${tip} HEAD`), "partial");
    await expectRejected(await v3("@surprise", `${tip} HEAD`), "not_a_bundle");
    await expectRejected(await v2("@object-format=sha1", `${tip} HEAD`), "not_a_bundle");
    await expectRejected(
      await v3("@object-format=sha256", `${"a".repeat(64)} HEAD`),
      "object_format",
    );
    await expectRejected(await v3("@object-format=sha1", `${tip} HEAD`), "damaged");
  });

  it("builds on what is not the base's history", async () => {
    const dir = await workspace();
    await commitFiles(dir, { new: "" });
    await testGit(dir, ["merge", "--quiet", "--no-edit", other]);
    const tip = await testGit(dir, ["rev-parse", "HEAD"]);
    const own = [tip, `^${base}`, `^${other}`];
    const header = (id: string) => `# v2 git bundle\n-${base}\n-${id}\n${tip} HEAD\n\n`;
    await expectRejected(await forged(dir, header(other), own), "prerequisites");
    await expectRejected(await forged(dir, header("f".repeat(40)), own), "prerequisites");
    // The same without a word about it.
    await expectRejected(await forge(dir, tip, own), "foreign_commits");
  });

  it("does not descend from the base", async () => {
    const dir = await workspace();
    const amended = await workspace();
    await testGit(amended, ["commit", "--quiet", "--amend", "--message=rewritten"]);
    await expectRejected(await bundled(amended), "rewritten_history");
    await testGit(dir, ["checkout", "--quiet", "--orphan", "fresh"]);
    const orphan = await commitFiles(dir, { new: "" });
    await expectRejected(await bundled(dir, "HEAD"), "rewritten_history");
    await expectRejected(await forge(dir, orphan), "rewritten_history");
    await expectRejected(await bundled(user, "HEAD"), "rewritten_history");
    const older = await testGit(user, ["rev-parse", "main~1"]);
    await expectRejected(await forge(dir, older, [older]), "rewritten_history");
  });

  it("stands at no commit", async () => {
    const dir = await workspace();
    const commit = await commitFiles(dir, { new: "" });
    await testGit(dir, ["tag", "--annotate", "--message=t", "t"]);
    const tag = await testGit(dir, ["rev-parse", "t"]);
    await expectRejected(await forge(dir, tag), "not_a_commit");
    const tree = await testGit(dir, ["rev-parse", "HEAD^{tree}"]);
    await expectRejected(await forge(dir, tree, [commit, `^${base}`]), "not_a_commit");
    await expectRejected(await forge(dir, "e".repeat(40), [commit, `^${base}`]), "not_a_commit");
  });

  it("holds objects that git finds fault with", async () => {
    const dir = await workspace();
    const blob = await plant(dir, "blob", "x");
    const raw = (id: string) => Buffer.from(id, "hex");
    const withTree = async (entries: readonly (readonly [string, string, string])[]) => {
      const content = Buffer.concat(
        entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`), raw(id)]),
      );
      const tree = await plant(dir, "tree", content);
      const tip = await testGit(dir, ["commit-tree", "-p", base, "-m", "x", tree]);
      return forge(dir, tip);
    };
    const link = await plant(dir, "blob", "/etc");
    const modules = await plant(dir, "blob", '[submodule "../../x"]\n\tpath = a\n\turl = -u./x\n');
    for (const entries of [
      [["100644", ".git", blob]],
      [["100644", "..", blob]],
      [["100644", "a/b", blob]],
      [["120000", ".gitmodules", link]],
      [["100644", ".gitmodules", modules]],
      [
        ["100644", "twice", blob],
        ["100644", "twice", blob],
      ],
    ] as const) {
      await expectRejected(await withTree(entries), "damaged");
    }
    const tree = await testGit(dir, ["rev-parse", "HEAD^{tree}"]);
    const headless = await plant(dir, "commit", `tree ${tree}\nparent ${base}\n\nno author\n`);
    await expectRejected(await forge(dir, headless), "damaged");
  });

  it("lacks objects, or is broken on the way", async () => {
    const dir = await workspace();
    const tip = await commitFiles(dir, { "new.txt": "new" });
    const tree = await testGit(dir, ["rev-parse", "HEAD^{tree}"]);
    const header = `# v2 git bundle\n${tip} HEAD\n\n`;
    const lacking = await packed(dir, header, ["pack-objects", "--stdout", "-q"], [tip, tree]);
    await expectRejected(lacking, "damaged");

    const whole = await readFile(await bundled(dir));
    const broken = path("broken.bundle");
    await writeFile(broken, whole.subarray(0, whole.length - 10));
    await expectRejected(broken, "damaged");
    whole[whole.length - 30] = (whole[whole.length - 30] ?? 0) ^ 1;
    await writeFile(broken, whole);
    await expectRejected(broken, "damaged");
  });

  it("is more than the limits allow", async () => {
    const dir = await workspace();
    await commitFiles(dir, { a: "" });
    await commitFiles(dir, { b: "", [`${"d/".repeat(60)}c`]: "" });
    const bundle = await bundled(dir);
    const limited = (limits: Partial<QuarantineLimits>) => ({ limits });
    await expectRejected(bundle, "too_many_commits", limited({ maxCommits: 1 }));
    await expectRejected(bundle, "too_many_files", limited({ maxFiles: 2 }));
    await expectRejected(bundle, "path_too_long", limited({ maxPathBytes: 120 }));
    await expectRejected(bundle, "too_expensive", limited({ timeoutMs: 1 }));
    const exact = limited({ maxCommits: 2, maxFiles: 3, maxPathBytes: 121 });
    expect(await check(bundle, exact)).toMatchObject({ commitCount: 2 });
  });

  it("inflates beyond the memory it may use", async () => {
    const dir = await workspace();
    const tree = await testGit(dir, ["rev-parse", "HEAD^{tree}"]);
    const who = "A <a@b> 1 +0000";
    const huge = path("huge");
    await writeFile(huge, `tree ${tree}\nparent ${base}\nauthor ${who}\ncommitter ${who}\n\n`);
    // By parts: memory that this process takes makes each of its forks slower.
    for (let n = 0; n < 80; n++) await appendFile(huge, "x".repeat(1_000_000));
    const bomb = await testGit(dir, ["hash-object", "-t", "commit", "-w", "--stdin"], {
      stdinFile: huge,
    });
    const limits = { maxMemoryBytes: 128 * 1024 * 1024 };
    const small = await commitFiles(dir, { new: "" });
    await check(await forge(dir, small), { limits });
    // macOS has no limit of address space; there the time limit alone holds.
    if (process.platform === "linux") {
      await expectRejected(await forge(dir, bomb), "too_expensive", { limits });
    }
  });
});

describe("quarantine", () => {
  it("says that the base is not there, which is no fault of the bundle", async () => {
    const dir = await workspace();
    await commitFiles(dir, { new: "" });
    const empty = path("empty");
    await mkdir(empty);
    const bundle = await bundled(dir);
    const whole = await bundled(dir, "HEAD");
    for (const bundlePath of [bundle, whole]) {
      const call = check(bundlePath, {
        baseCommit: bundlePath === whole ? "d".repeat(40) : base,
        objectDirs: [empty],
      });
      await expect(call).rejects.toMatchObject({ code: "base_not_here" });
    }
  });

  it("stops when told, and leaves nothing", async () => {
    const dir = await workspace();
    await commitFiles(dir, { new: "" });
    const bundle = await bundled(dir);
    const at = path("stopped");
    const controller = new AbortController();
    const call = check(bundle, { dir: at, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(call).rejects.toThrow();
    await expect(access(at)).rejects.toThrow("ENOENT");
  });

  it("runs nothing that the bundle or the repositories around bring", async () => {
    const dir = await workspace();
    const trap = path("trap");
    const script = `#!/bin/sh\ntouch ${trap}\n`;
    await writeFile(join(user, ".git", "hooks", "reference-transaction"), script, { mode: 0o755 });
    await commitFiles(dir, { ".gitattributes": "* diff=x filter=x\n", new: "text\n" });
    for (const repository of [user, dir]) {
      await appendFile(
        join(repository, ".git", "config"),
        `[core]\n\tfsmonitor = touch ${trap}\n[uploadpack]\n\tpackObjectsHook = touch ${trap}\n` +
          `[diff "x"]\n\ttextconv = touch ${trap}; cat\n\tcommand = touch ${trap}\n`,
      );
    }
    await check(await bundled(dir));
    await expect(access(trap)).rejects.toThrow("ENOENT");
  });
});

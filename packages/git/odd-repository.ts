import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GitCall, runGit } from "./run-git.ts";
import { type ObjectFormat, writeBareRepository } from "./scratch-repository.ts";

/**
 * Repositories as people have them. Each holds, as far as its kind allows, executable scripts,
 * symbolic links, CRLF by attribute and in fact, a submodule entry, a Git LFS pointer, names that are
 * not ASCII or meant to hurt, 250 other branches and 250 tags, and a dirty working tree.
 */
export const ODD_KINDS = [
  "plain",
  "bare",
  "shallow",
  "linked-worktree",
  "sparse",
  "detached",
  "one-commit",
  "empty-tree",
  "sha256",
  "alternates",
  "partial-complete",
  "partial-missing",
] as const;
export type OddKind = (typeof ODD_KINDS)[number];

export interface OddRepository {
  readonly kind: OddKind;
  /** Where to run pitaya: the working tree, or the bare repository. */
  readonly path: string;
  /** Names for `--base-branch`; `undefined` is what is checked out. */
  readonly bases: readonly (string | undefined)[];
}

/** Content that is only on other branches: it must never leave the repository. */
export const OTHER_BRANCH_SECRET = "content of another branch";

const OTHER_BRANCHES = 250;

const IDENTITY = {
  GIT_AUTHOR_NAME: "Ordinary User",
  GIT_AUTHOR_EMAIL: "user@example.org",
  GIT_AUTHOR_DATE: "1700000000 +0100",
  GIT_COMMITTER_NAME: "Ordinary User",
  GIT_COMMITTER_EMAIL: "user@example.org",
  GIT_COMMITTER_DATE: "1700000000 +0100",
};

/** git as a test uses it: with an identity, and able to clone from this machine. */
export async function testGit(
  cwd: string,
  args: readonly string[],
  more: Partial<GitCall> = {},
): Promise<string> {
  const { stdout } = await runGit(args, {
    cwd,
    settings: ["core.fsync=none"],
    ...more,
    env: { ...IDENTITY, GIT_ALLOW_PROTOCOL: "file", GIT_NO_LAZY_FETCH: "0", ...more.env },
  });
  return stdout.toString("utf8").replace(/\n$/, "");
}

/** What `git init` makes, without a process and without its sample hooks. */
export async function emptyRepository(
  dir: string,
  options: { readonly objectFormat?: ObjectFormat; readonly branch?: string } = {},
): Promise<string> {
  const { objectFormat = "sha1", branch = "main" } = options;
  const git = join(dir, ".git");
  await writeBareRepository(git, { objectFormat, alternates: [], shallow: [] });
  const config = await readFile(join(git, "config"), "utf8");
  await writeFile(
    join(git, "config"),
    `${config.replace("bare = true", "bare = false")}[core]\n\tlogAllRefUpdates = true\n`,
  );
  await writeFile(join(git, "HEAD"), `ref: refs/heads/${branch}\n`);
  await mkdir(join(git, "hooks"));
  return dir;
}

const LFS_POINTER = [
  "version https://git-lfs.github.com/spec/v1",
  `oid sha256:${"4d7a".repeat(16)}`,
  "size 12345",
  "",
].join("\n");

interface Entry {
  readonly mode: "100644" | "100755" | "120000" | "160000";
  readonly content: string;
}

const file = (content: string): Entry => ({ mode: "100644", content });

const FILES: Readonly<Record<string, Entry>> = {
  "README.md": file("# A project\n"),
  "run.sh": { mode: "100755", content: "#!/bin/sh\necho run\n" },
  "tools/deep/er/build": { mode: "100755", content: "#!/bin/sh\nexit 0\n" },
  "link-to-readme": { mode: "120000", content: "README.md" },
  "link-to-nowhere": { mode: "120000", content: "/does/not/exist" },
  ".gitattributes": file(
    "*.txt text eol=crlf\n*.bat -text\n*.psd filter=lfs diff=lfs merge=lfs -text\n",
  ),
  ".gitmodules": file(
    '[submodule "vendor/lib"]\n\tpath = vendor/lib\n\turl = https://example.org/lib.git\n',
  ),
  ".gitignore": file("*.log\n"),
  "crlf-by-attribute.txt": file("one\ntwo\n"),
  "crlf-in-fact.bat": file("@echo off\r\necho hello\r\n"),
  "art/picture.psd": file(LFS_POINTER),
  "src/größe/漢字 café.md": file("non-ASCII name\n"),
  "hostile/-rf": file("a dash\n"),
  "hostile/two\nlines": file("a line end\n"),
  'hostile/quo"te\\back': file("a quote\n"),
  "hostile/$(touch pwned)": file("a substitution\n"),
  "hostile/ spaces and\ttab ": file("blanks\n"),
  "hostile/:(top)magic": file("pathspec magic\n"),
  "src/main.c": file(`${Array.from({ length: 200 }, (_, i) => `int f${i}(void);`).join("\n")}\n`),
};

const quoted = (path: string) =>
  `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;

const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;

/** The stream that builds all of it in one process. */
function history(objectFormat: "sha1" | "sha256", commits: number, others: number): string {
  const zeroes = objectFormat === "sha1" ? 40 : 64;
  const who = "Ordinary User <user@example.org> 1700000000 +0100";
  const parts: string[] = [];
  const commit = (ref: string, mark: number, message: string, from?: number) => {
    parts.push(`commit ${ref}\nmark :${mark}\ncommitter ${who}\n${data(message)}`);
    if (from !== undefined) parts.push(`from :${from}\n`);
  };
  commit("refs/heads/trunk", 1, "first\n\nwith a body — and Ünïcode\n");
  for (const [path, { mode, content }] of Object.entries(FILES)) {
    parts.push(`M ${mode} inline ${quoted(path)}\n${data(content)}`);
  }
  parts.push(`M 160000 ${"c".repeat(zeroes)} vendor/lib\n`);
  for (let n = 2; n <= commits; n++) {
    commit("refs/heads/trunk", n, `change ${n}\n`, n - 1);
    parts.push(
      `M 100644 inline src/main.c\n${data(`${FILES["src/main.c"]?.content}int g${n};\n`)}`,
    );
  }
  for (let n = 1; n <= others; n++) {
    const name = String(n).padStart(3, "0");
    commit(`refs/heads/topic/${name}`, 1000 + n, `topic ${n}\n`, 1);
    parts.push(`M 100644 inline topic.md\n${data(`${OTHER_BRANCH_SECRET} ${n}\n`)}`);
    parts.push(`reset refs/tags/build/${name}\nfrom :${1000 + n}\n\n`);
  }
  if (others > 0) {
    parts.push(`tag v1.0\nfrom :${Math.min(2, commits)}\ntagger ${who}\n${data("release\n")}`);
  }
  parts.push("reset refs/heads/feature/ä\nfrom :1\n\n");
  return parts.join("");
}

async function fresh(
  dir: string,
  options: { objectFormat?: "sha1" | "sha256"; commits?: number; others?: number } = {},
): Promise<string> {
  const { objectFormat = "sha1", commits = 4, others = OTHER_BRANCHES } = options;
  await emptyRepository(dir, { objectFormat, branch: "trunk" });
  await testGit(dir, ["fast-import", "--quiet"], { input: history(objectFormat, commits, others) });
  await appendFile(join(dir, ".git", "config"), "\tautocrlf = input\n");
  return dir;
}

/** One change of each sort that `git status` knows. */
async function makeDirty(path: string): Promise<void> {
  await appendFile(join(path, "README.md"), "not committed\n");
  await writeFile(join(path, "staged.md"), "staged\n");
  await testGit(path, ["add", "staged.md"]);
  await writeFile(join(path, "untracked ü.md"), "untracked\n");
  await writeFile(join(path, "ignored.log"), "ignored\n");
  await rm(join(path, "hostile", "-rf"), { force: true });
}

/**
 * Builds one below `dir`, an existing directory of the caller's, which the caller removes.
 */
export async function oddRepository(kind: OddKind, dir: string): Promise<OddRepository> {
  const path = join(dir, "repository");
  const origin = join(dir, "origin");
  const is = (bases: OddRepository["bases"]): OddRepository => ({ kind, path, bases });
  const clone = (...options: string[]) =>
    testGit(dir, ["clone", "--quiet", ...options, `file://${origin}`, path]);
  const checkout = () => testGit(path, ["reset", "--quiet", "--hard"]);

  switch (kind) {
    case "plain": {
      await fresh(path);
      await checkout();
      await makeDirty(path);
      const commit = await testGit(path, ["rev-parse", "trunk~2"]);
      return is([undefined, "v1.0", "feature/ä", commit]);
    }
    case "bare":
      await fresh(origin, { others: 3 });
      await clone("--bare");
      return is([undefined]);
    case "shallow":
      await fresh(origin, { others: 3 });
      await clone("--depth=2");
      await makeDirty(path);
      return is([undefined]);
    case "linked-worktree":
      await fresh(origin, { others: 3 });
      await testGit(origin, ["reset", "--quiet", "--hard"]);
      await testGit(origin, ["worktree", "add", "--quiet", "-b", "side", path, "trunk~1"]);
      await makeDirty(path);
      return is([undefined, "trunk"]);
    case "sparse":
      await fresh(path, { others: 3 });
      await checkout();
      await testGit(path, ["sparse-checkout", "set", "src"]);
      return is([undefined]);
    case "detached":
      await fresh(path, { others: 3 });
      await checkout();
      await testGit(path, ["checkout", "--quiet", "--detach", "trunk~1"]);
      await makeDirty(path);
      return is([undefined]);
    case "one-commit":
      await fresh(path, { commits: 1, others: 0 });
      await checkout();
      return is([undefined]);
    case "empty-tree":
      await emptyRepository(path);
      await testGit(path, ["commit", "--quiet", "--allow-empty", "--message=nothing"]);
      return is([undefined]);
    case "sha256":
      await fresh(path, { objectFormat: "sha256", others: 3 });
      await checkout();
      await makeDirty(path);
      return is([undefined, "v1.0"]);
    case "alternates":
      await fresh(origin, { others: 3 });
      await testGit(dir, ["clone", "--quiet", "--shared", origin, path]);
      await makeDirty(path);
      return is([undefined, "origin/feature/ä"]);
    case "partial-complete":
      await fresh(origin, { commits: 1, others: 0 });
      await testGit(origin, ["config", "uploadpack.allowFilter", "true"]);
      await clone("--filter=blob:none");
      return is([undefined]);
    case "partial-missing":
      await fresh(origin, { others: 3 });
      await testGit(origin, ["config", "uploadpack.allowFilter", "true"]);
      await clone("--filter=blob:none");
      return is([undefined]);
  }
}

import { existsSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { missingPaths } from "./missing-paths.ts";
import { readFileAt } from "./read-file.ts";
import { openRepository } from "./repository.ts";
import { storePack } from "./store-pack.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import { emptyRepository, testGit } from "./testing.ts";
import { writeBundle } from "./write-bundle.ts";

const path = useTemporaryDirectory();
let commit = "";
let gitDir = "";
let objectDirs: readonly string[] = [];

beforeAll(async () => {
  const dir = await emptyRepository(path("repository"));
  await mkdir(join(dir, "docs/deep"), { recursive: true });
  await mkdir(join(dir, "[ab]"));
  const files = {
    "docs/deep/page.md": "# Größe\n",
    "[ab]/*": "star",
    "-n": "dash",
    limit: "x".repeat(100),
    "over-limit": "x".repeat(101),
    latin: Buffer.from([0x67, 0xfc]),
    zero: "a\0b",
    none: "",
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
  await symlink("docs/deep/page.md", join(dir, "link"));
  await symlink("docs", join(dir, "linked"));
  await testGit(dir, ["add", "-A"]);
  await testGit(dir, ["update-index", "--add", "--cacheinfo", `160000,${"a".repeat(40)},sub`]);
  await testGit(dir, ["commit", "-q", "-m", "files"]);
  commit = await testGit(dir, ["rev-parse", "HEAD"]);
  const repo = await openRepository(dir);
  ({ gitDir } = repo);
  const bundle = await writeBundle({ repo, commit, known: [], path: path("base.bundle") });
  if (bundle.kind !== "written") throw new Error("nothing was written");
  const packDir = path("pack");
  await storePack({
    bundlePath: bundle.path,
    dir: packDir,
    tip: commit,
    objectFormat: "sha1",
    parents: [],
    shallow: [],
  });
  objectDirs = [join(packDir, "objects")];
});

async function read(file: string) {
  const dir = path("reading");
  const options = { commit, path: file, maxBytes: 100, objectDirs, shallow: [], dir };
  const found = readFileAt({ ...options, objectFormat: "sha1" });
  await found.catch(() => undefined);
  expect(existsSync(dir)).toBe(false);
  return await found;
}

it.each([
  ["docs/deep/page.md", { kind: "text", text: "# Größe\n" }],
  ["./docs//deep/page.md", { kind: "text", text: "# Größe\n" }],
  ["[ab]/*", { kind: "text", text: "star" }],
  ["-n", { kind: "text", text: "dash" }],
  ["none", { kind: "text", text: "" }],
  ["limit", { kind: "text", text: "x".repeat(100) }],
  ["over-limit", { kind: "too-large", bytes: 101 }],
  ["docs", { kind: "directory" }],
  ["docs/deep/", { kind: "directory" }],
  [".", { kind: "directory" }],
  ["link", { kind: "symlink" }],
  ["linked/deep/page.md", { kind: "missing" }],
  ["docs/page.md", { kind: "missing" }],
  ["sub", { kind: "submodule" }],
  ["latin", { kind: "binary" }],
  ["zero", { kind: "binary" }],
])("what stands at %s is told", async (file, found) => {
  expect(await read(file)).toEqual(found);
});

it.each(["", "/etc/passwd", "../x", "docs/../../x", "a\0b"])("%j is no path", async (file) => {
  await expect(read(file)).rejects.toMatchObject({ code: "task_unsupported" });
});

it("paths that are no files of a commit are told in one look", async () => {
  const repo = { gitDir };
  const there = ["docs/deep/page.md", "./docs//deep/page.md", "[ab]/*", "-n", "link", "none"];
  const missing = ["docs", "docs/deep/other.md", "linked/deep/page.md", "sub", "[ab]/x"];
  expect(await missingPaths(repo, commit, [...missing, ...there])).toEqual(missing);
  expect(await missingPaths(repo, commit, [])).toEqual([]);
  await expect(missingPaths(repo, commit, ["../x"])).rejects.toMatchObject({
    code: "task_unsupported",
  });
});

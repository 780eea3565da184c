import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { openRepository } from "./repository.ts";
import { runGit } from "./run-git.ts";

/** Everything about a repository that a user could miss or find changed, one fact a key. */
export type RepositorySnapshot = ReadonlyMap<string, string>;

/**
 * Takes down each ref (`ref refs/heads/x`), HEAD, `status`, each file of the git directories but
 * objects and the refs' own (`git index`, `git config`, `git logs/…`, `git hooks/…`), and each file of
 * the working tree with its mode (`tree run.sh`). Changes nothing itself.
 */
export async function snapshotRepository(path: string): Promise<RepositorySnapshot> {
  const repo = await openRepository(path);
  const facts = new Map<string, string>();
  const refs = await runGit(["for-each-ref", "--format=%(refname) %(objectname) %(symref)"], {
    cwd: repo.commonDir,
    gitDir: repo.commonDir,
  });
  for (const line of refs.stdout.toString().split("\n").filter(Boolean)) {
    const end = line.indexOf(" ");
    facts.set(`ref ${line.slice(0, end)}`, line.slice(end + 1));
  }
  const owns = new Set(["objects", "refs", "packed-refs"]);
  for await (const file of filesBelow(repo.commonDir, (name) => owns.has(name))) {
    facts.set(`git ${relative(repo.commonDir, file)}`, await describe(file));
  }
  if (repo.topLevel !== undefined) {
    const status = await runGit(["status", "--porcelain=v2", "--branch", "-z"], {
      cwd: repo.topLevel,
    });
    facts.set("status", status.stdout.toString("latin1"));
    for await (const file of filesBelow(repo.topLevel, (name) => name === ".git")) {
      facts.set(`tree ${relative(repo.topLevel, file)}`, await describe(file));
    }
  }
  return facts;
}

/** The keys of what came, went or changed, sorted. */
export function changesBetween(before: RepositorySnapshot, after: RepositorySnapshot): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key) !== after.get(key)).sort();
}

async function* filesBelow(top: string, skip: (name: string) => boolean): AsyncGenerator<string> {
  for (const entry of await readdir(top, { withFileTypes: true })) {
    if (skip(entry.name)) continue;
    const path = join(top, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path, () => false);
    else yield path;
  }
}

async function describe(path: string): Promise<string> {
  const { mode } = await lstat(path);
  const isLink = (mode & 0o170000) === 0o120000;
  const content = isLink ? await readlink(path) : await readFile(path);
  return `${mode.toString(8)} ${createHash("sha256").update(content).digest("hex")}`;
}

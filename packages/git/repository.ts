import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { requireGit } from "./git-version.ts";
import { explainRefusal, notARepository, unsupported } from "./repository-refusal.ts";
import { runGit } from "./run-git.ts";
import type { ObjectFormat } from "./scratch-repository.ts";

/** A repository of the user's, looked at once. It is read from and, by the import alone, written to. */
export interface Repository {
  /** Top of the working tree; absent in a bare repository. */
  readonly topLevel: string | undefined;
  /** This working tree's own git directory: HEAD and index are here. */
  readonly gitDir: string;
  /** What all working trees share: objects, branches, configuration. The same as `gitDir` without linked worktrees. */
  readonly commonDir: string;
  readonly objectsDir: string;
  readonly objectFormat: ObjectFormat;
  /** Commits whose parents are not here; empty unless the clone is shallow. Sorted. */
  readonly shallow: readonly string[];
  /** Objects may be missing here and wait at a remote (`clone --filter`). */
  readonly partial: boolean;
  /** One of several working trees, and not the first. */
  readonly linkedWorktree: boolean;
}

/**
 * Finds the repository that `path` lies in.
 *
 * @throws {PitayaError} `not_a_repository`; `repository_unsupported` for one that git refuses
 *   (owned by somebody else, a format this git does not know); `git_failed` without git 2.30
 */
export async function openRepository(path: string, signal?: AbortSignal): Promise<Repository> {
  const where = resolve(path);
  const isDirectory = await stat(where).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw notARepository(where, "there is no such directory");
  const call = { cwd: where, config: "user" as const, ...(signal === undefined ? {} : { signal }) };
  const [ready, found] = await Promise.allSettled([
    requireGit(where),
    runGit(
      [
        "rev-parse",
        "--is-bare-repository",
        "--is-inside-work-tree",
        "--show-object-format",
        "--show-cdup",
        "--absolute-git-dir",
      ],
      call,
    ),
  ]);
  if (ready.status === "rejected") throw ready.reason;
  if (found.status === "rejected") throw explainRefusal(where, found.reason);

  const [bare, inside, format, ...rest] = found.value.stdout.toString("utf8").split("\n");
  if (format !== "sha1" && format !== "sha256") {
    throw unsupported(where, `its objects are named by ${format}`);
  }
  if (bare !== "true" && inside !== "true") {
    throw notARepository(where, "it lies inside a repository's git directory");
  }
  const up = bare === "true" ? undefined : rest.shift();
  // What remains is one path, which may hold line ends.
  const gitDir = await realpath(rest.join("\n").replace(/\n$/, ""));
  const commonDir = await realpath(await commonDirOf(gitDir));
  const objectsDir = join(commonDir, "objects");
  const [topLevel, shallow, partial] = await Promise.all([
    up === undefined ? undefined : realpath(where).then((path) => resolve(path, up)),
    shallowCommits(commonDir),
    holdsPromises(objectsDir),
  ]);
  return {
    topLevel,
    gitDir,
    commonDir,
    objectsDir,
    objectFormat: format,
    shallow,
    partial,
    linkedWorktree: gitDir !== commonDir,
  };
}

/** A linked working tree's git directory names the shared one in a file. */
async function commonDirOf(gitDir: string): Promise<string> {
  const named = await readIfThere(join(gitDir, "commondir"));
  return named === undefined ? gitDir : resolve(gitDir, named.replace(/\n$/, ""));
}

/** The shallow boundary of a repository as its file says now. */
export async function shallowCommits(commonDir: string): Promise<string[]> {
  const text = await readIfThere(join(commonDir, "shallow"));
  return text === undefined ? [] : text.split("\n").filter(Boolean).sort();
}

/** A filtered clone marks the packs that name objects it does not hold. */
async function holdsPromises(objectsDir: string): Promise<boolean> {
  const packs = await readdir(join(objectsDir, "pack")).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return packs.some((name) => name.endsWith(".promisor"));
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Whether the working tree differs from HEAD: staged, changed or untracked files, ignored ones and
 * changes inside submodules aside. What is not committed is not in a base. The index is not refreshed.
 */
export async function isDirty(repo: Repository, signal?: AbortSignal): Promise<boolean> {
  if (repo.topLevel === undefined) return false;
  const { stdout } = await runGit(
    ["status", "--porcelain", "-z", "--untracked-files=normal", "--ignore-submodules=dirty"],
    { cwd: repo.topLevel, config: "user", ...(signal === undefined ? {} : { signal }) },
  );
  return stdout.length > 0;
}

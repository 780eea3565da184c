import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { addedCommits } from "./added-commits.ts";
import { requireBase } from "./base-here.ts";
import { takeBundleApart } from "./bundle-file.ts";
import type { BundleHeader } from "./bundle-header.ts";
import { changedFiles } from "./changed-files.ts";
import { packObjectIds } from "./pack-index.ts";
import { rejected } from "./rejection.ts";
import { type GitCall, isAnswer, ranOut, runGit } from "./run-git.ts";
import { type ObjectFormat, writeBareRepository } from "./scratch-repository.ts";

/** What checking a bundle may cost. Beyond it the bundle is refused. */
export interface QuarantineLimits {
  readonly maxBytes: number;
  readonly maxMemoryBytes: number;
  readonly maxCommits: number;
  readonly maxFiles: number;
  readonly maxPathBytes: number;
  /** For each process. */
  readonly timeoutMs: number;
}

export const DEFAULT_LIMITS: QuarantineLimits = {
  maxBytes: 1024 ** 3,
  maxMemoryBytes: 4 * 1024 ** 3,
  maxCommits: 10_000,
  maxFiles: 200_000,
  maxPathBytes: 4_096,
  timeoutMs: 120_000,
};

/** Commits on top of a base, and where their objects are. */
export interface Change {
  readonly baseCommit: string;
  /** The same as the base if nothing was committed. */
  readonly commit: string;
  /** The commits between: base excluded, commit included, newest first. What included branches brought is not among them. */
  readonly commits: readonly string[];
  /** Object directories that together hold everything the commit reaches. */
  readonly objectDirs: readonly string[];
  readonly shallow: readonly string[];
  readonly objectFormat: ObjectFormat;
}

/** A bundle that passed. Every figure was computed here from the objects themselves. */
export interface Quarantined extends Change {
  readonly commitCount: number;
  readonly tree: string;
  /** Against the base, without detection of renames. */
  readonly filesChanged: number;
  /** Lines; binary files and those over 8 MiB count none. */
  readonly insertions: number;
  readonly deletions: number;
  /** Paths whose content is now a Git LFS pointer that the base does not hold: their objects are in no bundle. */
  readonly lfsPointersAdded: readonly string[];
}

/**
 * Takes a bundle that somebody hostile may have made, and looks at it in a repository of its own.
 *
 * It passes if it is one bundle of one ref (`HEAD`, a branch or our own), whole, well-formed (strict
 * fsck), within the limits, and its commit descends from the base; each commit it adds must be in the
 * bundle itself. Nothing of it is checked out and no configuration, hook or attribute of it is read.
 *
 * @param dir a new directory for the objects; the caller removes it when done with the result
 * @param objectDirs where the base's history is: a stored pack's directories, or the user's own
 * @param includes commits of branches that were included beside the base
 * @throws {PitayaError} `bundle_rejected`, its `details.reason` a {@link RejectionReason};
 *   `base_not_here` if the base is not in `objectDirs`
 */
export async function quarantine(options: {
  readonly bundlePath: string;
  readonly dir: string;
  readonly baseCommit: string;
  readonly includes?: readonly string[];
  readonly objectDirs: readonly string[];
  readonly shallow: readonly string[];
  readonly objectFormat: ObjectFormat;
  readonly limits?: Partial<QuarantineLimits>;
  readonly signal?: AbortSignal;
}): Promise<Quarantined> {
  const { bundlePath, dir, baseCommit, shallow, objectFormat, signal } = options;
  const includes = options.includes ?? [];
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const git = join(dir, "git");
  const call: GitCall = {
    cwd: git,
    gitDir: git,
    maxMemoryBytes: limits.maxMemoryBytes,
    timeoutMs: limits.timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  };
  // Fails if it is there: what an error removes must be ours.
  await mkdir(dir);
  try {
    await writeBareRepository(git, { objectFormat, alternates: options.objectDirs, shallow });
    const packPath = join(dir, "incoming.pack");
    const header = await takeBundleApart(bundlePath, {
      packPath,
      maxBytes: limits.maxBytes,
      ...(signal === undefined ? {} : { signal }),
    });
    const commit = requireOneTip(header, objectFormat);
    const ids = await unpack(packPath, call, { objectFormat, baseCommit });
    await rm(packPath);
    await requirePrerequisites(header.prerequisites, [baseCommit, ...includes], call);

    const [added, files] = await bothOf(
      addedCommits(
        { commit, baseCommit, includes, maxCommits: limits.maxCommits, inBundle: ids },
        call,
      ),
      changedFiles({ commit, baseCommit, ...limits }, call),
    );
    return {
      baseCommit,
      commit,
      commits: added.commits,
      commitCount: added.commits.length,
      tree: added.tree,
      filesChanged: files.filesChanged,
      insertions: files.insertions,
      deletions: files.deletions,
      lfsPointersAdded: files.lfsPointersAdded,
      objectDirs: [join(git, "objects"), ...options.objectDirs],
      shallow,
      objectFormat,
    };
  } catch (error) {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    throw expense(error);
  }
}

const UNPACKED_NAMES = /^(HEAD$|refs\/heads\/.|refs\/pitaya\/(base|result)$)/;

function requireOneTip(header: BundleHeader, objectFormat: ObjectFormat): string {
  if (header.objectFormat !== objectFormat) {
    throw rejected(
      "object_format",
      `its objects are named by ${header.objectFormat}, not ${objectFormat}`,
    );
  }
  const [ref, ...others] = header.refs;
  if (ref === undefined) throw rejected("no_ref", "it has no ref");
  const unwanted = header.refs.find(({ name }) => !UNPACKED_NAMES.test(name));
  if (unwanted !== undefined) {
    throw rejected("ref_name", `it brings the ref ${JSON.stringify(unwanted.name.slice(0, 200))}`);
  }
  if (others.length > 0)
    throw rejected("many_refs", `it has ${header.refs.length} refs instead of one`);
  return ref.id;
}

/**
 * Strict, git also makes sure that whatever an object of the pack names is in the pack or beside it:
 * with a base that is whole, so is the commit. Deltas against the base are completed.
 */
async function unpack(
  packPath: string,
  call: GitCall,
  { objectFormat, baseCommit }: { objectFormat: ObjectFormat; baseCommit: string },
): Promise<Set<string>> {
  try {
    const { stdout } = await runGit(["index-pack", "--strict", "--fix-thin", "--stdin"], {
      ...call,
      stdinFile: packPath,
      settings: ["core.fsync=none", "pack.writeReverseIndex=false"],
    });
    const name = /^pack\t([0-9a-f]+)$/m.exec(stdout.toString())?.[1];
    const index = join(call.cwd, "objects", "pack", `pack-${name}.idx`);
    return await packObjectIds(index, objectFormat);
  } catch (error) {
    if (!isAnswer(error)) throw error;
    await requireBase(baseCommit, call);
    throw rejected("damaged", error.message, error);
  }
}

/** Promises of the header that we need not believe, but that tell of history we do not have or may not use. */
async function requirePrerequisites(
  prerequisites: readonly string[],
  allowed: readonly string[],
  call: GitCall,
): Promise<void> {
  const others = prerequisites.filter((id) => !allowed.includes(id));
  if (others.length === 0) return;
  const { stdout } = await runGit(["rev-list", "--max-count=1", "--stdin"], {
    ...call,
    input: [...others, ...allowed.map((id) => `^${id}`)].map((line) => `${line}\n`).join(""),
  }).catch((error: unknown) => {
    if (!isAnswer(error)) throw error;
    throw rejected(
      "prerequisites",
      "it builds on commits that are not in the base's history",
      error,
    );
  });
  if (stdout.length > 0) {
    throw rejected("prerequisites", "it builds on commits that are not in the base's history");
  }
}

/** Waits for both also if one fails: what still runs would write into a directory that is being removed. */
async function bothOf<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}

function expense(error: unknown): unknown {
  if (!ranOut(error)) return error;
  return rejected("too_expensive", `checking it cost too much: ${error.message}`, error);
}

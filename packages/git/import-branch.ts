import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import { baseNotHere, isHere } from "./base-here.ts";
import { branchesNamed } from "./branches-named.ts";
import {
  type ImportConflict,
  type ImportPolicy,
  judgeRequest,
  type Placement,
  placeBranch,
  type Refused,
} from "./import.rules.ts";
import { dropKeeps, keepPack } from "./keep-pack.ts";
import { packReachable } from "./pack-reachable.ts";
import {
  NOTES_REF,
  type Origin,
  PITAYA_IDENTITY,
  type Provenance,
  writeNotes,
} from "./provenance.ts";
import type { Change } from "./quarantine.ts";
import type { Repository } from "./repository.ts";
import { withRepositoryLock } from "./repository-lock.ts";
import { type GitCall, isAnswer, runGit } from "./run-git.ts";
import { writeBareRepository } from "./scratch-repository.ts";

export type ImportResult =
  /** The branch was made or moved, and stands at the commit. */
  | { readonly status: "imported"; readonly branch: string; readonly commit: string }
  /** A branch stood at the commit before; nothing was written. */
  | { readonly status: "unchanged"; readonly branch: string; readonly commit: string }
  /** Nothing was to be done. */
  | { readonly status: "skipped"; readonly reason: string }
  | ({ readonly status: "refused" } & Refused);

/** What an attempt leaves that committed nothing. */
export const noChange = (repo: Repository, baseCommit: string): Change => ({
  baseCommit,
  commit: baseCommit,
  commits: [],
  objectDirs: [],
  shallow: repo.shallow,
  objectFormat: repo.objectFormat,
});

/**
 * Brings a quarantined change into the user's repository as a branch, with a note under
 * `refs/notes/pitaya` on each of its commits. Branch and notes are set in one transaction, after the
 * objects are there. Besides these two refs, their reflogs and the objects nothing changes: no hook
 * runs, no tag, FETCH_HEAD or configuration is written, HEAD, index and working tree stay.
 *
 * Imports into one repository, from whatever process and working tree, go one after another. The
 * same change imported again is `unchanged`.
 *
 * @param skipEmpty under policy `auto`: make no branch when nothing was committed
 * @param at time of the notes, milliseconds since 1970
 * @param scratchDir an existing directory for temporary files
 * @throws {PitayaError} `git_failed` where git or the repository itself fails, or the lock was not
 *   free for `lockTimeoutMs` (60 s)
 */
export async function importBranch(options: {
  readonly repo: Repository;
  readonly change: Change;
  readonly branch: string;
  readonly policy: ImportPolicy;
  readonly conflict: ImportConflict;
  readonly skipEmpty: boolean;
  readonly allowProtected: boolean;
  readonly provenance: Provenance;
  /** Commits below those of the change that come in with it: its base is theirs. */
  readonly below?: readonly Origin[];
  readonly at: number;
  readonly scratchDir: string;
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal;
}): Promise<ImportResult> {
  const { repo, change, signal } = options;
  const { commit, baseCommit } = change;
  const judgement = judgeRequest({ ...options, isEmpty: commit === baseCommit });
  if (judgement !== undefined) {
    return "skipped" in judgement
      ? { status: "skipped", reason: judgement.skipped }
      : { status: "refused", ...judgement.refused };
  }
  const lock = {
    timeoutMs: options.lockTimeoutMs ?? 60_000,
    ...(signal === undefined ? {} : { signal }),
  };
  return await withRepositoryLock(repo.commonDir, lock, async () => {
    // Somebody who knows nothing of our lock may move a ref meanwhile: then look again.
    for (let attempt = 1; ; attempt++) {
      const result = await tryImport(options);
      if (result !== "moved meanwhile") return result;
      if (attempt === MAX_ATTEMPTS) {
        throw new PitayaError("git_failed", `refs of ${repo.commonDir} keep changing`, {
          retryable: true,
          hint: "wait for the other program that writes branches there, then import again",
        });
      }
    }
  });
}

const MAX_ATTEMPTS = 5;

async function tryImport(
  options: Parameters<typeof importBranch>[0],
): Promise<ImportResult | "moved meanwhile"> {
  const { repo, change, branch, conflict, signal } = options;
  const { commit, baseCommit } = change;
  const call: GitCall = {
    cwd: repo.commonDir,
    gitDir: repo.commonDir,
    ...(signal === undefined ? {} : { signal }),
  };
  const [found, hasBase] = await Promise.all([
    branchesNamed(repo, branch, call),
    isHere(baseCommit, call),
  ]);
  const placement = placeBranch({ branch, commit, conflict, existing: found.branches });
  if (placement.do === "refuse") return { status: "refused", ...placement.refused };
  if (placement.do === "nothing") return { status: "unchanged", branch: placement.branch, commit };
  if (!hasBase) {
    const { message: reason, hint = "" } = baseNotHere(baseCommit);
    return { status: "refused", code: "base_not_here", reason, hint };
  }
  const dir = await mkdtemp(join(options.scratchDir, ".import-"));
  try {
    const notes =
      commit === baseCommit ? found.notes : await bringObjects(dir, found.notes, options);
    return await setRefs({ placement, commit, notes, notesBefore: found.notes }, call);
  } finally {
    await dropKeeps(repo);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Writes the commits and their notes into the repository's objects, where no ref leads to them yet.
 *
 * @returns where the notes ref shall stand
 */
async function bringObjects(
  dir: string,
  notesBefore: string | undefined,
  options: Parameters<typeof importBranch>[0],
): Promise<string | undefined> {
  const { repo, change, provenance, below = [], signal } = options;
  await writeBareRepository(dir, {
    objectFormat: repo.objectFormat,
    alternates: [repo.objectsDir, ...change.objectDirs],
    shallow: repo.shallow,
  });
  const bench = { cwd: dir, gitDir: dir, ...(signal === undefined ? {} : { signal }) };
  const notes = await writeNotes(
    {
      ...options,
      origins: [{ commits: change.commits, provenance }, ...below],
      before: notesBefore,
    },
    bench,
  );
  const known = notesBefore === undefined ? [] : [notesBefore];
  const pack = await packReachable({
    dir,
    tips: [change.commit, ...(notes === undefined || notes === notesBefore ? [] : [notes])],
    without: [change.baseCommit, ...known],
    signal,
  });
  await keepPack(repo, pack.path, signal);
  return notes;
}

async function setRefs(
  refs: {
    readonly placement: Extract<Placement, { do: "create" | "move" }>;
    readonly commit: string;
    readonly notes: string | undefined;
    readonly notesBefore: string | undefined;
  },
  call: GitCall,
): Promise<ImportResult | "moved meanwhile"> {
  const { placement, commit, notes, notesBefore } = refs;
  const { branch } = placement;
  const ref = `refs/heads/${branch}`;
  const lines = [
    placement.do === "create"
      ? `create ${ref} ${commit}\n`
      : `update ${ref} ${commit} ${placement.from}\n`,
  ];
  if (notes !== undefined && notes !== notesBefore) {
    lines.push(
      notesBefore === undefined
        ? `create ${NOTES_REF} ${notes}\n`
        : `update ${NOTES_REF} ${notes} ${notesBefore}\n`,
    );
  }
  try {
    await runGit(["update-ref", "--no-deref", "-m", "pitaya: import", "--stdin"], {
      ...call,
      input: lines.join(""),
      env: {
        GIT_COMMITTER_NAME: PITAYA_IDENTITY.name,
        GIT_COMMITTER_EMAIL: PITAYA_IDENTITY.email,
      },
    });
    return { status: "imported", branch, commit };
  } catch (error) {
    if (!isAnswer(error)) throw error;
    const inTheWay = /'refs\/heads\/([^']+)' exists; cannot create/.exec(error.message)?.[1];
    if (inTheWay !== undefined) {
      return {
        status: "refused",
        code: "ref_conflict",
        reason: `the branch ${inTheWay} is there, and git cannot have ${branch} beside it`,
        hint: `rename it: git branch -m ${inTheWay} <other name>`,
      };
    }
    const somebodyElse =
      /reference already exists|but expected|unable to create '.*\.lock'|unable to resolve/i;
    if (somebodyElse.test(error.message)) return "moved meanwhile";
    throw error;
  }
}

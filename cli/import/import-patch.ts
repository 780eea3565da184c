import { join } from "node:path";
import { commitPatch, importBranch } from "@pitaya/git";
import type { BlobRef } from "@pitaya/protocol";
import { type InstanceView, isFinalInstance } from "@pitaya/views";
import { type ImportJob, type InstanceImport, inScratch, provenanceOf } from "./import-instance.ts";
import { fetchBlob, quarantinedWork } from "./quarantined-work.ts";

/**
 * The attempt whose uncommitted changes are kept: the one that succeeded, until then the last that has
 * some. Attempts after it may have left nothing behind, or not even begun.
 */
const madeBy = (row: InstanceView) => {
  for (const { attempt, end, endedAt = 0 } of row.attempts.toReversed()) {
    if (end === undefined || end.type === "sealed") continue;
    if (end.type === "attempt.succeeded" || end.patch) return { attempt, end, endedAt };
  }
  return undefined;
};

/** The patch of what was not committed. */
export const keptPatch = (row: InstanceView): BlobRef | undefined => madeBy(row)?.end.patch;

/**
 * The branch for it: the instance's own, or one beside it, where that holds commits or may yet be
 * wanted by an attempt to come.
 */
export const patchBranch = (row: InstanceView): string | undefined =>
  row.branch === undefined || (isFinalInstance(row.state) && !madeBy(row)?.end.work)
    ? row.branch
    : `${row.branch}-uncommitted`;

/** Makes a commit of the kept patch on top of what was committed, and a branch of that. */
export const importPatch = (
  job: ImportJob,
  patch: BlobRef,
  branch: string,
): Promise<InstanceImport> =>
  inScratch(job, async (dir) => {
    const { bus, target, spec, row, rules, signal } = job;
    const { repo } = target;
    const { baseCommit } = row;
    const made = madeBy(row);
    const bundle = made?.end.bundle;
    const before = await quarantinedWork({ bus, repo, baseCommit, bundle, dir, signal });
    const patchPath = join(dir, "kept.patch");
    await fetchBlob(bus, patch, patchPath, signal);
    // The same each time it is asked for, so that the same commit comes of it.
    const at = row.finishedAt ?? made?.endedAt ?? 0;
    const change = await commitPatch({
      patchPath,
      dir: join(dir, "commit"),
      onto: before.commit,
      baseCommit,
      objectDirs: [...new Set([...before.objectDirs, repo.objectsDir])],
      shallow: repo.shallow,
      objectFormat: repo.objectFormat,
      message: `Uncommitted changes of ${row.key}`,
      author: spec.author,
      at,
      signal,
    });
    const provenance = {
      ...provenanceOf(spec, row),
      "pitaya-attempt": String(made?.attempt ?? 0),
      "pitaya-uncommitted": "yes",
    };
    return importBranch({
      repo,
      change,
      branch,
      ...rules,
      provenance,
      at,
      scratchDir: dir,
      signal,
    });
  });

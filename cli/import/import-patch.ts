import { join } from "node:path";
import { commitPatch, importBranch } from "@pitaya/git";
import type { BlobRef } from "@pitaya/protocol";
import type { InstanceView } from "@pitaya/views";
import { type ImportJob, type InstanceImport, inScratch, provenanceOf } from "./import-instance.ts";
import { fetchBlob, quarantinedWork } from "./quarantined-work.ts";

/** What the last attempt left behind, also one that failed. */
const madeBy = (row: InstanceView) => {
  const end = row.attempts.at(-1)?.end;
  return end === undefined || end.type === "sealed" ? undefined : end;
};

/** The patch of what was not committed. */
export const keptPatch = (row: InstanceView): BlobRef | undefined => madeBy(row)?.patch;

/** The branch for it: the instance's own, or where that holds commits one beside it. */
export const patchBranch = (row: InstanceView): string | undefined =>
  row.branch === undefined || madeBy(row)?.work === undefined
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
    const bundle = madeBy(row)?.bundle;
    const before = await quarantinedWork({ bus, repo, baseCommit, bundle, dir, signal });
    const patchPath = join(dir, "kept.patch");
    await fetchBlob(bus, patch, patchPath, signal);
    const at = row.finishedAt ?? 0;
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
    const provenance = { ...provenanceOf(spec, row), "pitaya-uncommitted": "yes" };
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

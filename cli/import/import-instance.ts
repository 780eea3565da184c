import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "@pitaya/bus";
import { type ImportResult, importBranch, type Provenance, type Repository } from "@pitaya/git";
import {
  type ErrorRecord,
  errorRecord,
  isPitayaError,
  PitayaError,
  type RunSpec,
} from "@pitaya/protocol";
import type { InstanceView } from "@pitaya/views";
import type { Chosen, ImportRules } from "./import.rules.ts";
import { stackedWork } from "./stacked-work.ts";

/** The repository that branches come into. */
export interface ImportTarget {
  readonly repo: Repository;
  /** An existing private directory for temporary files. */
  readonly scratchDir: string;
}

export type InstanceImport = {
  readonly row: InstanceView;
  /** The execution that chose it, where this is about its branch's second name. */
  readonly best?: string;
} & (
  | { readonly status: "imported" | "unchanged"; readonly branch: string; readonly commit: string }
  | { readonly status: "skipped"; readonly reason: string }
  /** The repository or the bundle does not allow it. */
  | { readonly status: "refused"; readonly error: ErrorRecord }
);

/** What there is to bring in, and how. */
export interface ImportJob {
  readonly bus: Pick<Bus, "blobs">;
  readonly target: ImportTarget;
  readonly spec: RunSpec;
  readonly row: InstanceView;
  /** All of the run. */
  readonly instances: ReadonlyMap<string, InstanceView>;
  readonly rules: ImportRules;
  readonly signal: AbortSignal;
}

/** Brings the commits of an instance into the repository as its branch. */
export const importInstance = (job: ImportJob): Promise<InstanceImport> =>
  importAs(job, job.row.branch ?? "");

/** Gives the branch of the instance that an execution chose its second name. */
export const importBest = async (job: ImportJob, chosen: Chosen): Promise<InstanceImport> => ({
  ...(await importAs(job, chosen.branch)),
  best: chosen.execution,
});

const importAs = (job: ImportJob, branch: string): Promise<InstanceImport> =>
  inScratch(job, async (dir) => {
    const { bus, target, spec, row, instances, rules, signal } = job;
    const { repo } = target;
    const { change, below } = await stackedWork({ bus, repo, row, instances, dir, signal });
    return importBranch({
      repo,
      change,
      below: below.map((lower) => ({ ...lower, provenance: provenanceOf(spec, lower.row) })),
      branch,
      ...rules,
      provenance: provenanceOf(spec, row),
      at: row.finishedAt ?? 0,
      scratchDir: dir,
      signal,
    });
  });

/**
 * Does the work in a directory of its own. What repository or bundle do not allow is an answer, not an
 * error.
 */
export async function inScratch(
  { target, row }: Pick<ImportJob, "target" | "row">,
  work: (dir: string) => Promise<ImportResult>,
): Promise<InstanceImport> {
  const dir = await mkdtemp(join(target.scratchDir, "import-"));
  try {
    const result = await work(dir);
    if (result.status !== "refused") return { row, ...result };
    const { code, reason, hint } = result;
    return { row, status: "refused", error: errorRecord(new PitayaError(code, reason, { hint })) };
  } catch (error) {
    if (!isPitayaError(error) || error.retryable) throw error;
    return { row, status: "refused", error: errorRecord(error) };
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export const provenanceOf = (spec: RunSpec, row: InstanceView): Provenance => ({
  "pitaya-run": spec.run,
  "pitaya-instance": row.instance,
  "pitaya-key": row.key,
  "pitaya-attempt": String(row.attempts.at(-1)?.attempt ?? 0),
  "pitaya-strategy": spec.strategy.name,
  "pitaya-plugin": row.plugin,
  ...(row.model === undefined ? {} : { "pitaya-model": row.model }),
  "pitaya-base": row.baseCommit,
});

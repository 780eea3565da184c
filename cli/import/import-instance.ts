import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "@pitaya/bus";
import { importBranch, type Provenance, type Repository } from "@pitaya/git";
import {
  type ErrorRecord,
  errorRecord,
  isPitayaError,
  PitayaError,
  type RunSpec,
} from "@pitaya/protocol";
import type { InstanceView } from "@pitaya/views";
import type { ImportRules } from "./import.rules.ts";
import { quarantinedWork } from "./quarantined-work.ts";

/** The repository that branches come into. */
export interface ImportTarget {
  readonly repo: Repository;
  /** An existing private directory for temporary files. */
  readonly scratchDir: string;
}

export type InstanceImport = { readonly row: InstanceView } & (
  | { readonly status: "imported" | "unchanged"; readonly branch: string; readonly commit: string }
  | { readonly status: "skipped"; readonly reason: string }
  /** The repository or the bundle does not allow it. */
  | { readonly status: "refused"; readonly error: ErrorRecord }
);

/** Brings one instance's branch into the repository. What the repository refuses is an answer, not an error. */
export async function importInstance(options: {
  readonly bus: Pick<Bus, "blobs">;
  readonly target: ImportTarget;
  readonly spec: RunSpec;
  readonly row: InstanceView;
  readonly rules: ImportRules;
  readonly signal: AbortSignal;
}): Promise<InstanceImport> {
  const { bus, target, spec, row, rules, signal } = options;
  const { repo, scratchDir } = target;
  const dir = await mkdtemp(join(scratchDir, "import-"));
  try {
    const change = await quarantinedWork({ bus, repo, row, dir, signal });
    const result = await importBranch({
      repo,
      change,
      branch: row.branch ?? "",
      ...rules,
      provenance: provenanceOf(spec, row),
      at: row.finishedAt ?? 0,
      scratchDir: dir,
      signal,
    });
    if (result.status !== "refused") return { row, ...result };
    const { code, reason, hint } = result;
    return { row, status: "refused", error: errorRecord(new PitayaError(code, reason, { hint })) };
  } catch (error) {
    if (!isPitayaError(error) || error.retryable) throw error;
    return { row, status: "refused", error: errorRecord(error) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export const provenanceOf = (spec: RunSpec, row: InstanceView): Provenance => ({
  "pitaya-run": spec.run,
  "pitaya-instance": row.instance,
  "pitaya-key": row.key,
  "pitaya-attempt": String(row.attempts.at(-1)?.attempt ?? 0),
  "pitaya-strategy": spec.strategy.name,
  "pitaya-plugin": spec.agent.plugin,
  ...(row.model === undefined ? {} : { "pitaya-model": row.model }),
  "pitaya-base": row.baseCommit,
});

import type { RunProjection, RunSpec } from "@pitaya/protocol";
import { textExcerpt } from "@pitaya/protocol";
import { type RunView, statusOf } from "./run-view.ts";
import { spendOf } from "./spend.ts";

/** The row that lists show of a run, as its log has it. */
export function projectRun(spec: RunSpec, view: RunView): RunProjection {
  const rows = [...view.instances.values()];
  const count = (test: (row: (typeof rows)[number]) => boolean) => rows.filter(test).length;
  const spend = spendOf(rows);
  const finished =
    view.finishedAt === undefined ? {} : { finishedAt: new Date(view.finishedAt).toISOString() };
  const waiting = rows.filter((row) => row.state === "waitingForCredentials");
  const waitingFor = [...new Set(waiting.flatMap((row) => row.waitingFor ?? []))].slice(0, 8);
  return {
    v: 1,
    run: spec.run,
    status: statusOf(view.phase),
    submittedAt: spec.submittedAt,
    ...finished,
    prompt: textExcerpt(spec.prompt).slice(0, 400),
    strategy: spec.strategy.name,
    repository: spec.repository.path,
    instances: {
      total: rows.length,
      succeeded: count((row) => row.state === "succeeded"),
      failed: count((row) => row.state === "failed"),
      importable: count(
        (row) => row.branch !== undefined && row.succeeded?.bundle !== undefined && !row.imported,
      ),
      imported: count((row) => row.imported !== undefined),
    },
    ...(waitingFor.length > 0 && { waitingFor }),
    costUsd: spend.costUsd,
    costUnknown: spend.costUnknown,
    sequence: view.sequence,
  };
}

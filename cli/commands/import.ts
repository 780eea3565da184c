import { openRepository } from "@pitaya/git";
import { errorRecord, exitCodeOf, type RunId, shortInstanceId } from "@pitaya/protocol";
import { type InstanceView, isFinalInstance, type RunView } from "@pitaya/views";
import type { CommandMain } from "../command-line/commands.ts";
import type { Connection } from "../connect/connection.port.ts";
import { noteImport } from "../follow/notes.ts";
import { isAtRest } from "../follow/offering.rules.ts";
import { withWholeRun } from "../follow/whole-run.ts";
import {
  chosenBranches,
  type ImportRules,
  importsOnRequest,
  rulesOnRequest,
} from "../import/import.rules.ts";
import {
  type ImportJob,
  type InstanceImport,
  importBest,
  importInstance,
} from "../import/import-instance.ts";
import { importPatch, keptPatch, patchBranch } from "../import/import-patch.ts";
import { type LocalPlace, placeWithBase } from "../local-place.ts";
import { printable } from "../output/printable.rules.ts";
import { findRun, readRun } from "../runs/find-run.ts";
import { openScratch } from "../scratch.ts";
import type { Session } from "../session.ts";
import type { SettingKey } from "../settings/keys.ts";
import { isToldHere } from "../settings/resolve.rules.ts";

/** `pitaya import <run>`: brings its branches in, also those that were deleted since. */
export const command: CommandMain = async (session) => {
  // Told before anything is started for it.
  await openRepository(session.directory);
  const scratch = await openScratch(session.host);
  try {
    const connection = await session.connect();
    try {
      const run = await findRun(connection.bus, session.args[0] ?? "");
      await connection.submitted();
      const { spec } = await readRun(connection.bus, run);
      const place = await placeWithBase(session, spec, scratch.dir);
      const { results, isOver } = await importRun(session, connection, place, run);
      await tell(session, run, results, isOver);
      const refused = results.find((result) => result.status === "refused");
      return refused?.status === "refused" ? exitCodeOf(refused.error.code) : 0;
    } finally {
      await connection.close();
    }
  } finally {
    scratch.remove();
  }
};

async function importRun(
  session: Session,
  connection: Connection,
  place: LocalPlace,
  run: RunId,
): Promise<{ readonly results: readonly InstanceImport[]; readonly isOver: boolean }> {
  const results: InstanceImport[] = [];
  const rules = overrides(session);
  const whole = await withWholeRun({ session, connection, run, place }, async ({ view }) => {
    let lastNote = 0;
    for (const row of view.instances.values()) {
      if (view.spec === undefined) continue;
      for (const work of worksOf(row, view, session.has("uncommitted"))) {
        const signal = new AbortController().signal;
        const { bus } = connection;
        const job = {
          ...{ bus, target: place, spec: view.spec, row, instances: view.instances, signal },
          rules: { ...rulesOnRequest(row, view.spec), ...rules },
        };
        const result = await work(job).catch(
          (error: unknown): InstanceImport => ({
            row,
            status: "refused",
            error: errorRecord(error),
          }),
        );
        results.push(result);
        // The branch of an instance that goes on is still to come, and is not in yet.
        if (!isFinalInstance(row.state)) continue;
        lastNote = Math.max(lastNote, await noteImport(connection, session.host, run, result));
      }
    }
    return lastNote;
  });
  return { results, isOver: isAtRest(whole.view) };
}

/** What there is to bring in of an instance: its commits, and with `uncommitted` what it left beside them. */
function worksOf(
  row: InstanceView,
  view: RunView,
  uncommitted: boolean,
): ((job: ImportJob) => Promise<InstanceImport>)[] {
  const patch = uncommitted ? keptPatch(row) : undefined;
  const branch = patchBranch(row);
  return [
    ...(view.spec && importsOnRequest(row, view.spec) ? [importInstance] : []),
    ...chosenBranches(view)
      .filter((chosen) => chosen.row.instance === row.instance)
      .map((chosen) => (job: ImportJob) => importBest(job, chosen)),
    ...(patch === undefined || branch === undefined
      ? []
      : [(job: ImportJob) => importPatch(job, patch, branch)]),
  ];
}

/** What this invocation says over the run's own rules. */
function overrides({ settings }: Session): Partial<ImportRules> {
  const { values } = settings;
  const given = (key: SettingKey) => isToldHere(settings, key);
  return {
    ...(given("import_conflict_policy") ? { conflict: values.import_conflict_policy } : {}),
    ...(given("orchestration.allow_overwrite_protected_refs")
      ? { allowProtected: values["orchestration.allow_overwrite_protected_refs"] }
      : {}),
  };
}

async function tell(
  session: Session,
  run: RunId,
  results: readonly InstanceImport[],
  isOver: boolean,
): Promise<void> {
  const { console } = session;
  if (session.has("json")) {
    await console.result(JSON.stringify({ v: 1, run_id: run, imports: results.map(document) }));
    return;
  }
  if (results.length === 0) {
    const yet = isOver ? "" : " yet: it is still at work";
    await console.note(`${run} has nothing to import${yet}`);
  }
  for (const result of results) {
    const name = shortInstanceId(result.row.instance);
    if (result.status === "imported" || result.status === "unchanged") {
      const word = result.status === "imported" ? "imported " : "unchanged";
      await console.result(`${word} ${printable(result.branch)} ${result.commit.slice(0, 12)}`);
    } else if (result.status === "skipped") {
      await console.note(`${name}: nothing imported: ${result.reason}`);
    } else if (result.status === "refused") {
      const { code, message, hint } = result.error;
      await console.problem(`${name}: ${code}: ${printable(message)}${hint ? `\n  ${hint}` : ""}`);
    }
  }
}

function document(result: InstanceImport) {
  const { row, ...rest } = result;
  return { instance_id: row.instance, key: row.key, ...rest };
}

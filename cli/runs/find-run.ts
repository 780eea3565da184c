import type { Bus } from "@pitaya/bus";
import { RunId, type RunSpec, runEvents } from "@pitaya/protocol";
import { overriddenSpec, type RunView, runLog, runView } from "@pitaya/views";
import { knownRuns } from "./known-runs.ts";
import { runNamed, unknownRun } from "./run-name.rules.ts";

/** @throws {PitayaError} `unknown_run`, `usage` */
export async function findRun(bus: Pick<Bus, "bucket">, name: string): Promise<RunId> {
  const known = RunId.safeParse(name).success ? [] : await knownRuns(bus);
  return RunId.parse(
    runNamed(
      name,
      known.map(({ run }) => run),
    ),
  );
}

/** A run as its log has it now. */
export interface ReadRun {
  /** With what resumes have laid over it. */
  readonly spec: RunSpec;
  readonly view: RunView;
}

/** @throws {PitayaError} `unknown_run` where the log has no such run */
export async function readRun(bus: Pick<Bus, "events">, run: RunId): Promise<ReadRun> {
  const log = runLog();
  const fold = runView();
  for await (const message of bus.events.read(runEvents(run))) {
    for (const event of log.admit(message)) fold.apply(event);
  }
  const { spec } = fold.view;
  if (spec === undefined) throw unknownRun(run);
  return { spec: overriddenSpec(spec, fold.view.override), view: fold.view };
}

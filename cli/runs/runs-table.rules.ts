import type { RunProjection } from "@pitaya/protocol";
import { costText, durationText } from "../output/amounts.rules.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import { table } from "../output/table.rules.ts";

const PROMPT = 40;

/** The list of runs for a person. */
export const runsTable = (runs: readonly RunProjection[]): string =>
  table(
    ["RUN", "STATUS", "STARTED (UTC)", "TIME", "DONE", "COST", "PROMPT"],
    runs.map((run) => [
      run.run,
      statusText(run),
      run.submittedAt.slice(0, 16).replace("T", " "),
      run.finishedAt === undefined ? "" : durationText(secondsOf(run.submittedAt, run.finishedAt)),
      `${run.instances.succeeded}/${run.instances.total}`,
      costText(run.costUsd, run.costUnknown),
      shorten(printable(run.prompt), PROMPT),
    ]),
  );

function statusText({ status, instances, waitingFor }: RunProjection): string {
  if (status === "running") return waitingFor ? "running, waits for credentials" : status;
  return instances.importable > 0 ? `${status}, ${instances.importable} to import` : status;
}

const secondsOf = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;

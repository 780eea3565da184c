import { csv } from "./csv.ts";
import type { LogEvent } from "./run-log.ts";
import { runView } from "./run-view.ts";
import { spendOf } from "./spend.ts";
import { roundUsd } from "./usd.ts";

/** How a run stood after one of its events. */
export interface MetricsRow {
  readonly timestamp: string;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
  readonly totalCost: number;
  readonly totalTokens: number;
  readonly eventType: string;
}

/** The course of a run in figures: a row for each event that changes one. */
export interface MetricsSeries {
  /** Takes the next event in the order of the log. */
  apply(event: LogEvent): void;
  readonly rows: readonly MetricsRow[];
}

export function metricsSeries(): MetricsSeries {
  const fold = runView();
  const rows: MetricsRow[] = [];
  return {
    rows,
    apply(event) {
      fold.apply(event);
      const eventType = countedType(event);
      if (eventType === undefined) return;
      const instances = [...fold.view.instances.values()];
      const count = (is: (state: string) => boolean) =>
        instances.filter(({ state }) => is(state)).length;
      const spend = spendOf(instances);
      rows.push({
        timestamp: new Date(event.place.storedAt).toISOString(),
        active: count((state) => ACTIVE.has(state)),
        completed: count((state) => state === "succeeded"),
        failed: count((state) => state === "failed"),
        totalCost: roundUsd(spend.costUsd),
        totalTokens: spend.inputTokens + spend.outputTokens,
        eventType,
      });
    },
  };
}

const ACTIVE: ReadonlySet<string> = new Set([
  "placed",
  "claimed",
  "fetching",
  "preparing",
  "running",
  "harvesting",
  "uploading",
]);

/** Type of an event after which a figure can be another. */
function countedType(event: LogEvent): string | undefined {
  switch (event.kind) {
    case "decision":
      return "instance" in event.entry || event.entry.type.startsWith("run.")
        ? event.entry.type
        : undefined;
    case "fact":
      return event.fact.type === "attempt.succeeded" || event.fact.type === "attempt.failed"
        ? event.fact.type
        : undefined;
    case "seal":
      return "attempt.sealed";
    default:
      return undefined;
  }
}

export const metricsCsv = (rows: readonly MetricsRow[]): string =>
  csv(
    [
      "timestamp",
      "active_instances",
      "completed_instances",
      "failed_instances",
      "total_cost",
      "total_tokens",
      "event_type",
    ],
    rows.map((row) => [
      row.timestamp,
      row.active,
      row.completed,
      row.failed,
      row.totalCost,
      row.totalTokens,
      row.eventType,
    ]),
  );

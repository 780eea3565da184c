import { type Bus, encode } from "@pitaya/bus";
import { buckets, RunProjection } from "@pitaya/protocol";
import type { RunView } from "@pitaya/views";
import type { Logger } from "pino";
import { projectRun } from "../domain/run-projection.ts";

/** Writes the rows that lists show. A cache: a lost write is made up for by the next. */
export function projectionWriter(bus: Bus, log: Logger) {
  const written = new Map<string, number>();
  return async (run: string, view: RunView): Promise<void> => {
    if (view.spec === undefined || written.get(run) === view.sequence) return;
    written.set(run, view.sequence);
    try {
      const value = encode(RunProjection, projectRun(view.spec, view));
      await bus.bucket(buckets.runs).put(run, value);
    } catch (error) {
      log.warn({ run, err: error }, "projection not written");
    }
  };
}

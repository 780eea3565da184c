import type { Clock } from "@pitaya/actors";
import { type Bus, decode, encode } from "@pitaya/bus";
import { buckets, isPitayaError, PitayaError, RunProjection } from "@pitaya/protocol";
import { projectRun, type RunPhase, type RunView } from "@pitaya/views";
import type { Logger } from "pino";

/** Writes the rows that lists show. A cache: a lost write is made up for by the next. */
export interface ProjectionWriter {
  /** A change of phase is written at once, anything else within {@link PAUSE_MS}. */
  changed(run: string, view: RunView): void;
  /** Writes what waits, and nothing after it. */
  close(): Promise<void>;
}

/** A row of a run of thousands is made anew from all of them. */
const PAUSE_MS = 250;

const MOST_TRIES = 5;

/** One that cannot be read is older than any. */
function sequenceOf(value: Uint8Array): number {
  try {
    return decode(RunProjection, value, "A row of the list of runs").sequence;
  } catch (error) {
    if (isPitayaError(error)) return -1;
    throw error;
  }
}

interface Row {
  view: RunView;
  /** Folded up to here when it was last written. */
  written: number;
  /** Of the bucket's key, as far as it is known. */
  revision: number | undefined;
  phase: RunPhase | undefined;
  cancelTimer: (() => void) | undefined;
  writing: Promise<void> | undefined;
}

export function projectionWriter(bus: Bus, clock: Clock, log: Logger): ProjectionWriter {
  const rows = new Map<string, Row>();
  let closed = false;

  /** Never over a row that was folded further: whoever decides by now has written that one. */
  async function store(run: string, row: Row, projection: RunProjection): Promise<void> {
    const bucket = bus.bucket(buckets.runs);
    const value = encode(RunProjection, projection);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (row.revision !== undefined) {
        const revision = await bucket.replace(run, value, row.revision);
        if (revision !== undefined) {
          row.revision = revision;
          return;
        }
      }
      const there = await bucket.get(run);
      if (there && sequenceOf(there.value) > projection.sequence) return;
      row.revision = there?.revision ?? 0;
    }
    throw new PitayaError("chain_conflict", `the row of ${run} is written by others all the time`);
  }

  async function put(run: string, row: Row): Promise<void> {
    const { view } = row;
    if (view.spec === undefined || row.written === view.sequence) return;
    row.written = view.sequence;
    row.phase = view.phase;
    try {
      await store(run, row, projectRun(view.spec, view));
    } catch (error) {
      log.warn({ run, err: error }, "projection not written");
    }
  }

  function write(run: string, row: Row): void {
    row.cancelTimer?.();
    row.cancelTimer = undefined;
    row.writing = (row.writing ?? Promise.resolve())
      .then(() => put(run, row))
      .finally(() => {
        const { phase, written, view } = row;
        const isFinal = view.finishedAt !== undefined && view.phase !== "interrupted";
        if (isFinal && phase === view.phase && written === view.sequence && !row.cancelTimer) {
          rows.delete(run);
        }
      });
  }

  return {
    changed(run, view) {
      if (closed || view.spec === undefined) return;
      const row = rows.get(run) ?? {
        view,
        written: 0,
        revision: undefined,
        phase: undefined,
        cancelTimer: undefined,
        writing: undefined,
      };
      row.view = view;
      rows.set(run, row);
      if (row.phase !== view.phase) write(run, row);
      else row.cancelTimer ??= clock.setTimer(PAUSE_MS, () => write(run, row));
    },
    async close() {
      closed = true;
      for (const [run, row] of rows) if (row.cancelTimer) write(run, row);
      await Promise.all([...rows.values()].map(({ writing }) => writing));
    },
  };
}

import type { Clock } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import { type DecisionMessage, PitayaError, type ProcessId, subjects } from "@pitaya/protocol";
import { turnMessage } from "./domain/turn-message.ts";
import { encodeDecision } from "./encode-decision.ts";
import type { RunEntry } from "./run-entry.ts";

export interface DecisionWriterOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly coordinator: ProcessId;
  readonly epoch: number;
  readonly signal: AbortSignal;
  /** Resolves when what is stored by now is folded. */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Does the work in turn; what it throws ends the reign. */
  post(work: () => void): void;
  /** What ends the reign. */
  fault(error: unknown): void;
  wake(run: string): void;
}

/** Writes the decisions of one reign, each on its run's chain. */
export interface DecisionWriter {
  /** @returns whether it was stored; if not, somebody else's decision is on its way here */
  append(entry: RunEntry, due: DecisionMessage["entries"]): Promise<boolean>;
}

/** Nothing is decided on a run before the last decision on it is folded. */
export const isReadBack = (entry: RunEntry): boolean =>
  entry.log.decisions.lastSequence >= entry.inFlight;

export const decidedByAnother = (run: string): PitayaError =>
  new PitayaError("stale_epoch", `another coordinator decides on ${run} now`);

export function decisionWriter(options: DecisionWriterOptions): DecisionWriter {
  const { bus, clock, coordinator, epoch, signal } = options;

  /**
   * A coordinator whose reign is over may have decided once more before it knew: its decision is
   * folded, and the run is looked at again. One of a later reign ends this one.
   */
  async function afterConflict(entry: RunEntry): Promise<void> {
    const before = entry.log.decisions.lastSequence;
    entry.inFlight = Number.POSITIVE_INFINITY;
    try {
      await options.catchUp(signal);
    } catch (error) {
      options.fault(error);
    }
    options.post(() => {
      entry.inFlight = 0;
      const { lastSequence, epoch: decider } = entry.log.decisions;
      if (decider > epoch || lastSequence === before) throw decidedByAnother(entry.run);
    });
    options.wake(entry.run);
  }

  return {
    async append(entry, due) {
      const run = entry.actors?.spec.run;
      if (run === undefined) return false;
      const now = new Date(clock.now());
      const turn = turnMessage({ run, epoch, coordinator, now, chain: entry.log.decisions }, due);
      const { id, expectedLast } = turn;
      const message = { id, expectedLast, payload: encodeDecision(turn.message) };
      const result = await bus.events.append(subjects.decision.of({ run }), message, signal);
      if (result.status === "conflict") {
        void afterConflict(entry);
        return false;
      }
      entry.inFlight = result.sequence;
      entry.pendingPlacements = due.flatMap((e) => (e.type === "attempt.placed" ? [e] : []));
      return true;
    },
  };
}

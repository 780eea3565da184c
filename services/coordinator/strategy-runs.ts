import { type Bus, loadText } from "@pitaya/bus";
import { type ErrorRecord, errorRecord, isPitayaError, type StrategyCall } from "@pitaya/protocol";
import type { Resolution, RunActors } from "./domain/run-actors.ts";
import type { ExecutionProgress } from "./domain/turn.ts";
import type { StrategyCode, StrategyRun } from "./ports/strategy-code.port.ts";
import { isFinalRun, type RunEntry } from "./run-entry.ts";
import { progressOf, taskOutcome } from "./strategy-progress.ts";

/** Runs the code of a run's executions as far as its log leads. */
export interface StrategyRuns {
  /** Starts what is open and has no code yet, replaying what the log holds. */
  bring(entry: RunEntry): Promise<void>;
  /** Tells an execution of an instance that became final, in stream order. */
  resolve(entry: RunEntry, resolution: Resolution): Promise<void>;
  progress(entry: RunEntry): ReadonlyMap<string, ExecutionProgress>;
}

/** Code that could not be started, or not be replayed: its execution has failed. */
const endedCode = (error: ErrorRecord, calls: readonly StrategyCall[]): StrategyRun => ({
  calls,
  tasks: [],
  ended: {
    status: "failed",
    reason: error.message,
    keys: [],
    chosen: undefined,
    metadata: undefined,
    error,
  },
  deliver: async () => undefined,
});

export function strategyRuns(bus: Bus, strategies: StrategyCode): StrategyRuns {
  async function deliver(entry: RunEntry, resolution: Resolution): Promise<void> {
    const code = entry.code.get(resolution.execution);
    const snapshot = entry.actors?.instance(resolution.instance);
    const row = entry.fold.view.instances.get(resolution.instance);
    if (!code || !snapshot || !row) return;
    await code.deliver(snapshot.context.scheduled.key, await taskOutcome(bus, snapshot, row));
  }

  async function startCode(entry: RunEntry, actors: RunActors, execution: string) {
    const recorded = actors.executions.get(execution)?.context.calls ?? [];
    try {
      entry.prompt ??= await loadText(bus, actors.spec.prompt);
      return await strategies.start(actors.spec, execution, entry.prompt, recorded);
    } catch (error) {
      if (!isPitayaError(error) || error.retryable) throw error;
      return endedCode(errorRecord(error), recorded);
    }
  }

  return {
    async bring(entry) {
      const { actors } = entry;
      if (actors === undefined || isFinalRun(entry)) return;
      for (const [execution, snapshot] of actors.executions) {
        if (entry.code.has(execution) || snapshot.status === "done") continue;
        entry.code.set(execution, await startCode(entry, actors, execution));
        for (const resolution of entry.history) {
          if (resolution.execution === execution) await deliver(entry, resolution);
        }
      }
    },
    async resolve(entry, resolution) {
      entry.history.push(resolution);
      await deliver(entry, resolution);
    },
    progress: (entry) =>
      new Map(
        [...entry.code].map(([execution, code]) => [
          execution,
          progressOf(entry.run, execution, code),
        ]),
      ),
  };
}

import { type Bus, loadText } from "@pitaya/bus";
import {
  type ErrorRecord,
  errorRecord,
  instanceId,
  isPitayaError,
  type RunSpec,
  type StrategyCall,
} from "@pitaya/protocol";
import type { HostedExecution } from "@pitaya/strategies";
import type { Resolution, RunActors } from "./domain/run-actors.ts";
import type { ExecutionProgress } from "./domain/turn.ts";
import { isFinalRun } from "./fold/folded-run.ts";
import type { RecordedExecution, RunTexts, StrategyCode } from "./ports/strategy-code.port.ts";
import type { RunEntry } from "./run-entry.ts";
import { progressOf } from "./strategy-progress.ts";
import { taskResolution } from "./task-resolution.ts";

/** Runs the code of a run's executions as far as its log leads. */
export interface StrategyRuns {
  /** Starts what is open and has no code yet, replaying what the log holds. */
  bring(entry: RunEntry): Promise<void>;
  /** Tells an execution of an instance that became final, in stream order. */
  resolve(entry: RunEntry, resolution: Resolution): Promise<void>;
  /** Lets go of all code of a run: it is over, or another coordinator's. */
  giveUp(entry: RunEntry): void;
  /** Where the code stands of those executions that the log has not caught up with. */
  progress(entry: RunEntry): Promise<ReadonlyMap<string, ExecutionProgress>>;
}

/** Code that could not be started, or not be replayed: its execution has failed. */
const endedCode = (error: ErrorRecord, calls: readonly StrategyCall[]): HostedExecution => ({
  calls,
  tasks: [],
  cancelled: [],
  replaced: [],
  sleeps: [],
  ended: { outcome: { status: "failed", reason: error.message, tasks: [] }, error },
  deliver: async () => undefined,
  wake: async () => undefined,
  close: () => undefined,
});

export function strategyRuns(bus: Bus, strategies: StrategyCode): StrategyRuns {
  /** The path of calls that code is on. */
  const paths = new WeakMap<HostedExecution, number>();

  async function deliver(entry: RunEntry, resolution: Resolution): Promise<void> {
    const code = entry.code.get(resolution.execution);
    if ("timer" in resolution) {
      // Of another path of calls, it is for nobody.
      if (code && paths.get(code) === resolution.path) {
        await code.wake(resolution.timer, resolution.at);
      }
      return;
    }
    const snapshot = entry.actors?.instance(resolution.instance);
    const row = entry.fold.view.instances.get(resolution.instance);
    if (!code || !snapshot || !row) return;
    const { key } = snapshot.context.scheduled;
    await code.deliver(key, await taskResolution(bus, snapshot, row), resolution.at);
  }

  async function startCode(entry: RunEntry, actors: RunActors, execution: string) {
    const recorded = recordedOf(entry.run, actors, execution);
    try {
      entry.texts ??= await textsOf(bus, actors.spec);
      return await strategies.start(actors.spec, execution, entry.texts, recorded);
    } catch (error) {
      if (!isPitayaError(error) || error.retryable) throw error;
      return endedCode(errorRecord(error), recorded.calls);
    }
  }

  return {
    async bring(entry) {
      const { actors } = entry;
      if (actors === undefined || isFinalRun(entry)) return;
      const stand = `${actors.lives}.${actors.executions.size}`;
      if (entry.brought === stand) return;
      for (const [execution, snapshot] of actors.executions) {
        const { path } = snapshot.context;
        const before = entry.code.get(execution);
        if (snapshot.status === "done" || (before && paths.get(before) === path)) continue;
        before?.close();
        const code = await startCode(entry, actors, execution);
        paths.set(code, path);
        entry.code.set(execution, code);
        entry.scheduled.delete(execution);
        entry.ahead.add(execution);
        try {
          for (const resolution of entry.history) {
            if (resolution.execution === execution) await deliver(entry, resolution);
          }
        } catch (error) {
          // Half told, it could not be gone on with: it is started again with the next look at the run.
          code.close();
          entry.code.delete(execution);
          throw error;
        }
      }
      entry.brought = stand;
    },
    async resolve(entry, resolution) {
      if (!entry.code.has(resolution.execution)) return;
      entry.ahead.add(resolution.execution);
      await deliver(entry, resolution);
    },
    giveUp(entry) {
      for (const code of entry.code.values()) code.close();
      entry.code.clear();
    },
    async progress(entry) {
      const open = new Map<string, ExecutionProgress>();
      for (const execution of entry.ahead) {
        const code = entry.code.get(execution);
        const recorded = entry.actors?.executions.get(execution);
        if (!code || !recorded) continue;
        const progress = await progressOf(bus, entry, execution, code);
        const isRecorded =
          progress.calls.length <= recorded.context.calls.length &&
          progress.tasks.length + progress.sleeps.length === 0 &&
          areStopping(entry, execution, progress.cancelled ?? []);
        if (isRecorded && (!progress.ended || recorded.status === "done")) {
          entry.ahead.delete(execution);
        } else {
          open.set(execution, progress);
        }
      }
      return open;
    },
  };
}

/** Whether what the code wants no more is known as that, or over. */
const areStopping = ({ run, actors }: RunEntry, execution: string, keys: readonly string[]) =>
  keys.every((key) => {
    const snapshot = actors?.instance(instanceId(run, execution, key));
    return snapshot !== undefined && (snapshot.status !== "active" || snapshot.context.unwanted);
  });

async function textsOf(bus: Bus, spec: RunSpec): Promise<RunTexts> {
  const files: Record<string, string> = {};
  for (const { name, use, blob } of spec.files ?? []) {
    if (use === "strategy") files[name] = await loadText(bus, { blob, excerpt: "" });
  }
  return { prompt: await loadText(bus, spec.prompt), files };
}

/** What the log has of an execution, for its code. */
function recordedOf(run: string, actors: RunActors, execution: string): RecordedExecution {
  const context = actors.executions.get(execution)?.context;
  const instanceOf = (key: string) => actors.instance(instanceId(run, execution, key));
  return {
    calls: context?.calls ?? [],
    startedAtMs: context?.startedAt ?? 0,
    fingerprintOf: (key) => instanceOf(key)?.context.scheduled.fingerprint,
    keyPolicy: context?.keyPolicy ?? "strict",
    rekeyed: (context?.path ?? 0) > 0,
  };
}

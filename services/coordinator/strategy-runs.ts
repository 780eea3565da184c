import { type Bus, loadText } from "@pitaya/bus";
import {
  type ErrorRecord,
  errorFromRecord,
  errorRecord,
  instanceId,
  isPitayaError,
  type RunSpec,
  type StrategyCall,
} from "@pitaya/protocol";
import type { HostedExecution } from "@pitaya/strategies";
import { type CodeUnderWay, codeUnderWay } from "./code-under-way.ts";
import type { Resolution, RunActors } from "./domain/run-actors.ts";
import type { ExecutionProgress } from "./domain/turn.ts";
import { isLiveRun } from "./fold/folded-run.ts";
import type { RecordedExecution, RunTexts, StrategyCode } from "./ports/strategy-code.port.ts";
import type { RunEntry } from "./run-entry.ts";
import { progressOf } from "./strategy-progress.ts";
import { taskResolution } from "./task-resolution.ts";

/** Runs the code of a run's executions as far as its log leads. */
export interface StrategyRuns {
  /**
   * Starts what is open and has no code yet, replaying what the log holds.
   * @throws what kept code from being started or told; the next call starts it again
   */
  bring(entry: RunEntry): void;
  /** Tells an execution of an instance that became final, in stream order. */
  resolve(entry: RunEntry, resolution: Resolution): void;
  /** Whether code is still on its way to where the log leads: it may not want what is queued. */
  isReplaying(entry: RunEntry): boolean;
  /** Lets go of all code of a run: it is over, interrupted, or another coordinator's. */
  giveUp(entry: RunEntry): void;
  /** Where the code stands of those executions that the log has not caught up with. */
  progress(entry: RunEntry): Promise<ReadonlyMap<string, ExecutionProgress>>;
  /**
   * Replays what is open with code that does nothing else.
   * @throws `key_conflict`, `replay_mismatch` where it no longer goes the recorded way
   */
  checkReplay(entry: RunEntry): Promise<void>;
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

/** @param onRest told of a run whose code has come to rest: it may have more to ask for */
export function strategyRuns(
  bus: Bus,
  strategies: StrategyCode,
  onRest: (entry: RunEntry) => void,
): StrategyRuns {
  function tell(entry: RunEntry, code: CodeUnderWay, resolution: Resolution): void {
    if ("timer" in resolution) {
      // Of another path of calls, it is for nobody.
      if (code.path !== resolution.path) return;
      code.tell((hosted) => hosted.wake(resolution.timer, resolution.at));
      return;
    }
    code.tell(async (hosted) => {
      const snapshot = entry.actors?.instance(resolution.instance);
      const row = entry.fold.view.instances.get(resolution.instance);
      if (!snapshot || !row) return;
      const { key } = snapshot.context.scheduled;
      await hosted.deliver(key, await taskResolution(bus, snapshot, row), resolution.at);
    });
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

  /** Code of an execution, told what the log holds. */
  function replayed(entry: RunEntry, actors: RunActors, execution: string, rested: () => void) {
    const path = actors.executions.get(execution)?.context.path ?? 0;
    const code = codeUnderWay(path, () => startCode(entry, actors, execution), rested);
    for (const resolution of entry.history) {
      if (resolution.execution === execution) tell(entry, code, resolution);
    }
    return code;
  }

  const openExecutions = (actors: RunActors) =>
    [...actors.executions].filter(([, { status }]) => status !== "done");

  return {
    bring(entry) {
      const { actors } = entry;
      if (actors === undefined || !isLiveRun(entry)) return;
      for (const [execution, { broken }] of entry.code) {
        if (broken === undefined) continue;
        entry.code.delete(execution);
        entry.brought = "";
        throw broken.error;
      }
      const stand = `${actors.lives}.${actors.executions.size}`;
      if (entry.brought === stand) return;
      for (const [execution, { context }] of openExecutions(actors)) {
        const before = entry.code.get(execution);
        if (before?.path === context.path) continue;
        before?.close();
        const code = replayed(entry, actors, execution, () => onRest(entry));
        entry.code.set(execution, code);
        entry.scheduled.delete(execution);
        entry.ahead.add(execution);
      }
      entry.brought = stand;
    },
    resolve(entry, resolution) {
      const code = entry.code.get(resolution.execution);
      if (code === undefined) return;
      entry.ahead.add(resolution.execution);
      tell(entry, code, resolution);
    },
    isReplaying: ({ code }) => [...code.values()].some(({ isBeginning }) => isBeginning),
    giveUp(entry) {
      for (const code of entry.code.values()) code.close();
      entry.code.clear();
      entry.ahead.clear();
      entry.brought = "";
    },
    async progress(entry) {
      const open = new Map<string, ExecutionProgress>();
      for (const execution of entry.ahead) {
        const code = entry.code.get(execution)?.atRest;
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
    async checkReplay(entry) {
      const { actors } = entry;
      if (actors === undefined) return;
      for (const [execution] of openExecutions(actors)) {
        const code = replayed(entry, actors, execution, () => undefined);
        await code.rested();
        const { broken, atRest } = code;
        code.close();
        if (broken) throw broken.error;
        const ended = atRest?.ended;
        if (ended?.leftPath && ended.error) throw errorFromRecord(ended.error);
      }
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

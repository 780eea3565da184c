import { type ErrorRecord, errorRecord, PitayaError, type StrategyCall } from "@pitaya/protocol";
import { canonicalHash } from "./canonical-hash.ts";
import {
  KeyConflict,
  type Strategy,
  type StrategyContext,
  type StrategyOutcome,
  type Task,
  TaskFailed,
  type TaskHandle,
  type TaskResult,
} from "./sdk.ts";

/** How a task ended. */
export type TaskResolution =
  | ({ readonly status: "succeeded" } & Omit<TaskResult, "key">)
  | { readonly status: "failed" | "cancelled"; readonly error: ErrorRecord };

export interface HostedTask {
  readonly key: string;
  readonly task: Task;
  readonly fingerprint: string;
}

/** A strategy's end, by its own word or by what it threw. */
export interface HostedEnd {
  readonly outcome: StrategyOutcome;
  readonly error?: ErrorRecord;
}

/** A strategy's code under way. Between calls of `deliver` it stands still. */
export interface HostedExecution {
  /** Every call of the code on its context so far. */
  readonly calls: readonly StrategyCall[];
  /** Every task it asked for so far, in order, each key once. */
  readonly tasks: readonly HostedTask[];
  readonly ended: HostedEnd | undefined;
  /** One resolution at a time, in the order of the log. Resolves when the code stands still again. */
  deliver(key: string, resolution: TaskResolution): Promise<void>;
}

export interface HostOptions {
  readonly strategy: Strategy;
  /** As the strategy's own schema gave them. */
  readonly params: Record<string, unknown>;
  readonly prompt: string;
  readonly baseBranch: string;
  /** Calls of an earlier run of this code, which must be met again in their order. */
  readonly recorded: readonly StrategyCall[];
  /** Tells tasks apart: the same for two tasks only if one result serves both. */
  fingerprint(task: Task): string;
  log(message: string): void;
}

/**
 * Starts a strategy's code and lets it run until it waits for a task.
 *
 * The rules of delivery (one resolution, then on to quiescence) make a replay meet the same order of
 * events. Native code is at rest when the microtask queue is empty, for its context gives it nothing
 * to wait for but tasks; a macrotask comes after exactly that.
 */
export async function startExecution(options: HostOptions): Promise<HostedExecution> {
  const { strategy, recorded } = options;
  const calls: StrategyCall[] = [];
  const tasks = new Map<string, HostedTask>();
  const resolutions = new Map<string, TaskResolution>();
  const waiting = new Map<string, { resolve(r: TaskResult): void; reject(e: unknown): void }[]>();
  let ended: HostedEnd | undefined;
  /** Once the code has left its recorded path nothing it does counts any more, caught or not. */
  let mismatch: PitayaError | undefined;

  function record(name: string, args: unknown): void {
    if (mismatch) throw mismatch;
    const call = { index: calls.length, name, argsHash: canonicalHash(args).slice(0, 16) };
    const before = recorded[call.index];
    if (before && (before.name !== call.name || before.argsHash !== call.argsHash)) {
      mismatch = replayMismatch(strategy.name, before, call);
      throw mismatch;
    }
    calls.push(call);
  }

  const settled = (key: string, resolution: TaskResolution): Promise<TaskResult> => {
    if (resolution.status !== "succeeded") return Promise.reject(taskFailed(key, resolution.error));
    const { status: _, ...result } = resolution;
    return Promise.resolve({ key, ...result });
  };

  const ctx: StrategyContext = {
    run(task, { key }) {
      const fingerprint = options.fingerprint(task);
      record("run", { key, fingerprint });
      const known = tasks.get(key);
      if (known && known.fingerprint !== fingerprint) throw new KeyConflict(key);
      if (!known) tasks.set(key, { key, task, fingerprint });
      return { key };
    },
    wait({ key }: TaskHandle) {
      record("wait", { key });
      const resolution = resolutions.get(key);
      if (resolution) return settled(key, resolution);
      return new Promise((resolve, reject) => {
        waiting.set(key, [...(waiting.get(key) ?? []), { resolve, reject }]);
      });
    },
    key: (...parts) => parts.join("/"),
    log: options.log,
  };

  const end = (outcome: StrategyOutcome, error?: ErrorRecord) => {
    ended = error ? { outcome, error } : { outcome };
  };
  const fail = (thrown: unknown) => {
    const tasksThatCount = thrown instanceof TaskFailed ? [thrown.failure.key] : [];
    const error = thrown instanceof TaskFailed ? thrown.failure.error : asStrategyError(thrown);
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    end({ status: "failed", reason, tasks: tasksThatCount }, error);
  };
  const input = {
    prompt: options.prompt,
    baseBranch: options.baseBranch,
    params: options.params,
  };
  // Deferred, so that what the code throws before its first `await` takes the same way.
  void Promise.resolve()
    .then(() => strategy.execute(input, ctx))
    .then(
      (outcome) => (mismatch ? fail(mismatch) : end(outcome)),
      (error: unknown) => fail(mismatch ?? error),
    );
  await quiescence();

  return {
    calls,
    get tasks() {
      return [...tasks.values()];
    },
    get ended() {
      return ended;
    },
    async deliver(key, resolution) {
      if (resolutions.has(key)) return;
      resolutions.set(key, resolution);
      const waiters = waiting.get(key) ?? [];
      waiting.delete(key);
      for (const { resolve, reject } of waiters) settled(key, resolution).then(resolve, reject);
      await quiescence();
    },
  };
}

const quiescence = () => new Promise<void>((resolve) => setImmediate(resolve));

const taskFailed = (key: string, error: ErrorRecord) =>
  new TaskFailed({ key, errorType: error.code, message: error.message, error });

function asStrategyError(thrown: unknown): ErrorRecord {
  const record = errorRecord(thrown);
  return record.code === "internal" ? { ...record, code: "strategy_failed" } : record;
}

const replayMismatch = (strategy: string, before: StrategyCall, now: StrategyCall) =>
  new PitayaError(
    "replay_mismatch",
    `strategy ${strategy} did otherwise on replay: call ${now.index} was ${before.name}(${before.argsHash}) and is now ${now.name}(${now.argsHash})`,
    { hint: "its code or its parameters changed since the run began; start a new run" },
  );

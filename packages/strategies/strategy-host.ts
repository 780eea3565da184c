import {
  type ErrorRecord,
  errorRecord,
  PitayaError,
  type StrategyCall,
  TaskKey,
} from "@pitaya/protocol";
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
  /**
   * One resolution at a time, in the order of the log, every task's, waited for or not. Resolves when
   * the code stands still again. A second one for the same key, or one after the end, is nothing.
   */
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
 * Invariants, which make a replay meet the same events in the same order:
 *
 * 1. The code runs only in a turn: from its start, or from a delivery, until it is at rest. Its
 *    context gives it nothing to wait for but tasks, so it is at rest when the microtask queue is
 *    empty; a macrotask comes after exactly that.
 * 2. Code that uses its context outside a turn, or is at rest and waits for no task, waits for
 *    something that no replay would bring: that ends it.
 * 3. Once it has left its recorded path nothing it does counts any more, whatever it catches.
 */
export async function startExecution(options: HostOptions): Promise<HostedExecution> {
  const { strategy, recorded } = options;
  const calls: StrategyCall[] = [];
  const tasks = new Map<string, HostedTask>();
  const resolutions = new Map<string, TaskResolution>();
  const waiting = new Map<string, { resolve(r: TaskResult): void; reject(e: unknown): void }[]>();
  let inTurn = false;
  let ended: HostedEnd | undefined;
  /** Why nothing the code does counts any more. */
  let broken: PitayaError | undefined;

  const fails = (code: "strategy_failed" | "replay_mismatch", what: string, hint?: string) =>
    new PitayaError(code, `strategy ${strategy.name} ${what}`, hint === undefined ? {} : { hint });
  const failsReplay = (what: string) =>
    fails(
      "replay_mismatch",
      `did otherwise on replay: ${what}`,
      "its code or its parameters changed since the run began; start a new run",
    );

  function record(name: string, args: unknown): void {
    if (!inTurn) broken ??= fails("strategy_failed", WAITS_ELSEWHERE);
    if (broken) throw broken;
    if (ended) throw fails("strategy_failed", "went on after its end");
    const call = { index: calls.length, name, argsHash: canonicalHash(args).slice(0, 16) };
    const before = recorded[call.index];
    if (before && (before.name !== call.name || before.argsHash !== call.argsHash)) {
      broken = failsReplay(`call ${call.index} was ${named(before)} and is now ${named(call)}`);
      throw broken;
    }
    calls.push(call);
  }

  function settled(key: string, resolution: TaskResolution): Promise<TaskResult> {
    if (resolution.status !== "succeeded") return Promise.reject(taskFailed(key, resolution.error));
    const { status: _, ...result } = resolution;
    return Promise.resolve({ key, ...result });
  }

  function waitFor(key: string): Promise<TaskResult> {
    const resolution = resolutions.get(key);
    if (resolution) return settled(key, resolution);
    return new Promise((resolve, reject) => {
      waiting.set(key, [...(waiting.get(key) ?? []), { resolve, reject }]);
    });
  }

  const ctx: StrategyContext = {
    run(task, { key }) {
      if (!TaskKey.safeParse(key).success) {
        throw fails("strategy_failed", `asked for a task with the key ${JSON.stringify(key)}`);
      }
      if (task.prompt.trim() === "") throw fails("strategy_failed", `left task ${key} no prompt`);
      const fingerprint = options.fingerprint(task);
      record("run", { key, fingerprint });
      const known = tasks.get(key);
      if (known && known.fingerprint !== fingerprint) throw new KeyConflict(key);
      if (!known) tasks.set(key, { key, task, fingerprint });
      return { key };
    },
    wait({ key }: TaskHandle) {
      record("wait", { key });
      if (!tasks.has(key)) throw fails("strategy_failed", `waits for ${key} without asking for it`);
      const result = waitFor(key);
      // Code may come to this promise later; until then its failing is nobody's mistake.
      result.catch(() => undefined);
      return result;
    },
    key: (...parts) => parts.join("/"),
    log: options.log,
  };

  function fail(thrown: unknown): void {
    const keys = thrown instanceof TaskFailed ? [thrown.failure.key] : [];
    const error = thrown instanceof TaskFailed ? thrown.failure.error : asStrategyError(thrown);
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    ended ??= { outcome: { status: "failed", reason, tasks: keys }, error };
  }

  function end(outcome: StrategyOutcome): void {
    const missed = recorded[calls.length];
    const unknown = [...outcome.tasks, ...(outcome.chosen === undefined ? [] : [outcome.chosen])]
      .filter((key) => !tasks.has(key))
      .join(", ");
    if (missed) fail(failsReplay(`it ended before call ${missed.index}, ${named(missed)}`));
    else if (unknown) fail(fails("strategy_failed", `ended with tasks it never had: ${unknown}`));
    else ended ??= { outcome };
  }

  /** Lets the code run until it is at rest. */
  async function turn(begin: () => void): Promise<void> {
    inTurn = true;
    // Asked for first: an immediate of the code's own then comes after the turn, and is noticed.
    const atRest = quiescence();
    begin();
    await atRest;
    inTurn = false;
    if (ended) return;
    if (broken) fail(broken);
    else if (waiting.size === 0) fail(fails("strategy_failed", WAITS_ELSEWHERE));
  }

  const input = {
    prompt: options.prompt,
    baseBranch: options.baseBranch,
    params: options.params,
  };
  await turn(() => {
    // In an async function, so that what the code throws before its first `await` is no exception.
    const code = async () => strategy.execute(input, ctx);
    code().then(
      (outcome) => (broken ? fail(broken) : end(outcome)),
      (error: unknown) => fail(broken ?? error),
    );
  });

  return {
    calls,
    get tasks() {
      return [...tasks.values()];
    },
    get ended() {
      return ended;
    },
    async deliver(key, resolution) {
      if (inTurn) throw new PitayaError("internal", `a result of ${key} came in another's turn`);
      if (ended || resolutions.has(key)) return;
      resolutions.set(key, resolution);
      if (!tasks.has(key)) {
        broken ??= failsReplay(`it did not ask for task ${key}, which has a result`);
      }
      await turn(() => {
        const waiters = waiting.get(key) ?? [];
        waiting.delete(key);
        for (const { resolve, reject } of waiters) settled(key, resolution).then(resolve, reject);
      });
    },
  };
}

const WAITS_ELSEWHERE =
  "waits for something that its context does not give, such as a timer or a file";

const named = ({ name, argsHash }: StrategyCall) => `${name}(${argsHash})`;

// Taken at once, so that a test's clock cannot stop it.
const afterMicrotasks = globalThis.setImmediate;
const quiescence = () => new Promise<void>((resolve) => afterMicrotasks(resolve));

const taskFailed = (key: string, error: ErrorRecord) =>
  new TaskFailed({ key, errorType: error.code, message: error.message, error });

function asStrategyError(thrown: unknown): ErrorRecord {
  const record = errorRecord(thrown);
  return record.code === "internal" ? { ...record, code: "strategy_failed" } : record;
}

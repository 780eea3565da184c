import {
  type ErrorRecord,
  errorRecord,
  isPitayaError,
  type KeyPolicy,
  MAX_SLEEP_MS,
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
  /** What the log keeps it under: the key it was asked for by, or `<key>/r<n>` where it runs anew. */
  readonly key: string;
  readonly task: Task;
  readonly fingerprint: string;
}

/** A strategy's end, by its own word or by what it threw. */
export interface HostedEnd {
  readonly outcome: StrategyOutcome;
  readonly error?: ErrorRecord;
  /** It did not fail by itself: it no longer goes the way that is recorded of it. */
  readonly leftPath?: true;
}

/** A strategy's code under way. Between calls of `deliver` it stands still. */
export interface HostedExecution {
  /** Every call of the code on its context so far. */
  readonly calls: readonly StrategyCall[];
  /** Every task it asked for so far, in order, each key once. */
  readonly tasks: readonly HostedTask[];
  readonly ended: HostedEnd | undefined;
  /** Keys of the log whose task the code no longer asks for, since it asks for another by that key. */
  readonly replaced: readonly string[];
  /**
   * One resolution at a time, in the order of the log, every task's, waited for or not. Resolves when
   * the code stands still again. A second one for the same key, or one after the end, is nothing.
   */
  deliver(key: string, resolution: TaskResolution): Promise<void>;
  /** Every sleep so far, in the order of the calls. */
  readonly sleeps: readonly Sleep[];
  /** The sleep that is the call of this index is over. As `deliver` otherwise. */
  wake(index: number): Promise<void>;
}

export interface Sleep {
  /** Of the call. */
  readonly index: number;
  readonly delayMs: number;
}

export interface HostOptions {
  readonly strategy: Strategy;
  /** As the strategy's own schema gave them. */
  readonly params: Record<string, unknown>;
  readonly prompt: string;
  readonly baseBranch: string;
  /** Calls of an earlier run of this code, which must be met again in their order. */
  readonly recorded: readonly StrategyCall[];
  /** Fingerprint of the task that the log has under a key; without it the log has none. */
  recordedFingerprint?(key: string): string | undefined;
  /**
   * What becomes of a key whose task is no longer the one in the log. strict, the default: an error;
   * suffix: it runs anew under the first of `<key>/r1`, `<key>/r2`, … that is free or its own.
   */
  readonly keyPolicy?: KeyPolicy;
  /** The path of calls began anew, under policy suffix: tasks of the one before may be for nobody. */
  readonly rekeyed?: boolean;
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
 *    context gives it nothing to wait for but tasks and sleeps, so it is at rest when the microtask queue is
 *    empty; a macrotask comes after exactly that.
 * 2. Code that uses its context outside a turn, or is at rest and waits for neither, waits for
 *    something that no replay would bring: that ends it.
 * 3. Once it has left its recorded path nothing it does counts any more, whatever it catches.
 */
export async function startExecution(options: HostOptions): Promise<HostedExecution> {
  const { strategy, recorded, keyPolicy = "strict", rekeyed = false } = options;
  const calls: StrategyCall[] = [];
  /** By the key the code gave. */
  const asked = new Map<string, HostedTask>();
  /** These and what follows by the key of the log. */
  const tasks = new Map<string, HostedTask>();
  const replaced = new Set<string>();
  const resolutions = new Map<string, TaskResolution>();
  const waiting = new Map<string, Waiter[]>();
  const sleeps: Sleep[] = [];
  /** By the index of the call. */
  const asleep = new Map<number, () => void>();
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
      "its code or its parameters changed since the run began; start a new run, or resume this one with --resume-key-policy suffix",
    );

  function checkTurn(): void {
    if (!inTurn) broken ??= fails("strategy_failed", WAITS_ELSEWHERE);
    if (broken) throw broken;
    if (ended) throw fails("strategy_failed", "went on after its end");
  }

  function record(name: string, args: unknown): void {
    checkTurn();
    const call = { index: calls.length, name, argsHash: canonicalHash(args).slice(0, 16) };
    const before = recorded[call.index];
    if (before && (before.name !== call.name || before.argsHash !== call.argsHash)) {
      broken = failsReplay(`call ${call.index} was ${named(before)} and is now ${named(call)}`);
      throw broken;
    }
    calls.push(call);
  }

  /**
   * The key of the log for a task. The same whenever it is asked for: what an earlier answer gave is
   * recorded under that key since, with this fingerprint.
   */
  function keyFor(key: string, fingerprint: string): string {
    for (let n = 0; ; n += 1) {
      const name = n === 0 ? key : `${key}/r${n}`;
      const held = tasks.get(name)?.fingerprint ?? options.recordedFingerprint?.(name);
      const isFree = held === undefined && (n === 0 || keyPolicy === "suffix");
      if (held === fingerprint || isFree) return checkedKey(name);
      if (held !== undefined) continue;
      broken = changedTask(key);
      throw broken;
    }
  }

  function checkedKey(key: string): string {
    if (TaskKey.safeParse(key).success) return key;
    throw fails("strategy_failed", `asked for a task with the key ${JSON.stringify(key)}`);
  }

  function settled(key: string, resolution: TaskResolution): Promise<TaskResult> {
    if (resolution.status !== "succeeded") return Promise.reject(taskFailed(key, resolution.error));
    const { status: _, ...result } = resolution;
    return Promise.resolve({ key, ...result });
  }

  function waitFor(key: string, { key: name }: HostedTask): Promise<TaskResult> {
    const resolution = resolutions.get(name);
    if (resolution) return settled(key, resolution);
    return new Promise((resolve, reject) => {
      waiting.set(name, [...(waiting.get(name) ?? []), { key, resolve, reject }]);
    });
  }

  const ctx: StrategyContext = {
    run(task, { key }) {
      checkedKey(key);
      if (task.prompt.trim() === "") throw fails("strategy_failed", `left task ${key} no prompt`);
      const fingerprint = options.fingerprint(task);
      checkTurn();
      const before = asked.get(key);
      const name = before?.key ?? keyFor(key, fingerprint);
      record("run", { key, fingerprint });
      if (before && before.fingerprint !== fingerprint) throw new KeyConflict(key);
      const hosted = tasks.get(name) ?? { key: name, task, fingerprint };
      tasks.set(name, hosted);
      asked.set(key, hosted);
      if (name !== key) replaced.add(key);
      return { key };
    },
    wait({ key }: TaskHandle) {
      record("wait", { key });
      const task = asked.get(key);
      if (!task) throw fails("strategy_failed", `waits for ${key} without asking for it`);
      const result = waitFor(key, task);
      // Code may come to this promise later; until then its failing is nobody's mistake.
      result.catch(() => undefined);
      return result;
    },
    sleep(delayMs) {
      if (!(Number.isSafeInteger(delayMs) && delayMs >= 0 && delayMs <= MAX_SLEEP_MS)) {
        throw fails(
          "strategy_failed",
          `wants to sleep for ${delayMs} ms; at most 30 days can be had`,
        );
      }
      record("sleep", { delayMs });
      const index = calls.length - 1;
      sleeps.push({ index, delayMs });
      return new Promise((resolve) => asleep.set(index, resolve));
    },
    key: (...parts) => parts.join("/"),
    log: options.log,
  };

  const inLog = (keys: readonly string[]) => keys.map((key) => asked.get(key)?.key ?? key);

  function fail(thrown: unknown): void {
    const keys = thrown instanceof TaskFailed ? inLog([thrown.failure.key]) : [];
    const error = thrown instanceof TaskFailed ? thrown.failure.error : asStrategyError(thrown);
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const leftPath = isOffPath(thrown) ? ({ leftPath: true } as const) : {};
    ended ??= { outcome: { status: "failed", reason, tasks: keys }, error, ...leftPath };
  }

  function end(outcome: StrategyOutcome): void {
    const missed = recorded[calls.length];
    const unknown = [...outcome.tasks, ...(outcome.chosen === undefined ? [] : [outcome.chosen])]
      .filter((key) => !asked.has(key))
      .join(", ");
    if (missed) fail(failsReplay(`it ended before call ${missed.index}, ${named(missed)}`));
    else if (unknown) fail(fails("strategy_failed", `ended with tasks it never had: ${unknown}`));
    else {
      const [chosen] = inLog(outcome.chosen === undefined ? [] : [outcome.chosen]);
      const told = { ...outcome, tasks: inLog(outcome.tasks) };
      ended ??= { outcome: chosen === undefined ? told : { ...told, chosen } };
    }
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
    else if (waiting.size + asleep.size === 0) fail(fails("strategy_failed", WAITS_ELSEWHERE));
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
    get replaced() {
      return [...replaced];
    },
    sleeps,
    async wake(index) {
      if (inTurn) throw new PitayaError("internal", `sleep ${index} was over in another's turn`);
      if (ended) return;
      const resolve = asleep.get(index);
      if (!resolve) broken ??= failsReplay(`call ${index} is no sleep that goes on`);
      asleep.delete(index);
      await turn(() => resolve?.());
    },
    async deliver(key, resolution) {
      if (inTurn) throw new PitayaError("internal", `a result of ${key} came in another's turn`);
      if (ended || resolutions.has(key)) return;
      resolutions.set(key, resolution);
      if (!tasks.has(key) && !rekeyed) {
        broken ??= failsReplay(`it did not ask for task ${key}, which has a result`);
      }
      await turn(() => {
        const waiters = waiting.get(key) ?? [];
        waiting.delete(key);
        for (const waiter of waiters) {
          settled(waiter.key, resolution).then(waiter.resolve, waiter.reject);
        }
      });
    },
  };
}

interface Waiter {
  /** The key the code gave. */
  readonly key: string;
  resolve(result: TaskResult): void;
  reject(error: unknown): void;
}

const isOffPath = (thrown: unknown): boolean =>
  isPitayaError(thrown, "replay_mismatch") ||
  (isPitayaError(thrown, "key_conflict") && !(thrown instanceof KeyConflict));

const changedTask = (key: string) =>
  new PitayaError(
    "key_conflict",
    `the task of the key "${key}" is not the one the run began with`,
    {
      hint: "resumed with --resume-key-policy suffix, that task alone runs anew",
    },
  );

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

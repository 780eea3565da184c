import { MAX_SLEEP_MS } from "@pitaya/protocol";
import { canonicalHash } from "../canonical-hash.ts";
import type { PlannedTask, TaskPlanner } from "../planning/planned-task.ts";
import { type StrategyContext, TaskFailed, type TaskHandle } from "../sdk.ts";
import type { CallRecord } from "./call-record.ts";
import type { Sleep } from "./hosted-execution.ts";
import { type KeyTable, OWN_KEYS } from "./key-table.ts";
import type { Standing } from "./standing.ts";
import { resultOf, taskEnd, taskFailure } from "./task-ends.ts";
import type { Waits } from "./waits.ts";

/** Each is a timer in the log: code that sleeps without end is to have one. */
const MAX_SLEEPS = 10_000;

export interface ContextParts {
  readonly standing: Standing;
  readonly calls: CallRecord;
  readonly keys: KeyTable;
  readonly waits: Waits;
  readonly planner: TaskPlanner;
  readonly sleeps: Sleep[];
  readonly cancelled: Set<string>;
  readonly signal: AbortSignal;
  rand(): number;
  now(): number;
  log(message: string): void;
}

/** What strategy code gets: each call is recorded before it does anything. */
export function strategyContext(parts: ContextParts): StrategyContext {
  const { standing, keys, waits, planner, sleeps, cancelled, signal } = parts;

  function record(name: string, args: unknown): number {
    standing.check();
    return parts.calls.add(name, args);
  }

  /** Asks for it, under the key of the log that is its own. */
  function ask(key: string, planned: PlannedTask, name: string): string {
    const isNew = !keys.tasks.has(name);
    const hosted = keys.add(key, name, planned);
    const known = isNew ? waits.resolutions.get(name) : undefined;
    // It ended on an earlier path of calls, before this one came to ask for it.
    if (known) planner.learn(hosted.planned, known);
    return name;
  }

  function askedName({ key }: TaskHandle, deed: string): string {
    const name = keys.nameOf(key);
    if (name !== undefined) return name;
    throw standing.fails("strategy_failed", `${deed} ${key} without asking for it`);
  }

  async function endOf(key: string, name: string) {
    const { resolution } = await waits.first([name]);
    return taskEnd(key, resolution);
  }

  async function readText(name: string, branch: string, path: string) {
    const { resolution } = await waits.first([name]);
    if (resolution.status === "succeeded") return resolution.text;
    throw new TaskFailed(taskFailure(`${path} of ${branch}`, resolution.error));
  }

  const waitAll = async (handles: readonly TaskHandle[], tolerateFailures: boolean) => {
    const names = handles.map((handle) => askedName(handle, "waits for"));
    const ends = await Promise.all(handles.map(({ key }, n) => endOf(key, names[n] ?? key)));
    return tolerateFailures ? ends : ends.map(resultOf);
  };

  return {
    run(task, { key }) {
      standing.check();
      if (key.startsWith(OWN_KEYS)) {
        throw standing.fails("strategy_failed", `uses the key ${key}; none may begin with ~`);
      }
      const planned = planner.plan(task);
      const name = keys.find(key, planned.fingerprint);
      record("run", { key, fingerprint: planned.fingerprint });
      ask(key, planned, name);
      return { key };
    },
    wait(handle) {
      record("wait", { key: handle.key });
      return awaited(endOf(handle.key, askedName(handle, "waits for")).then(resultOf));
    },
    waitAll: ((handles: readonly TaskHandle[], { tolerateFailures = false } = {}) => {
      record("waitAll", { keys: handles.map(({ key }) => key), tolerateFailures });
      return awaited(waitAll(handles, tolerateFailures));
    }) as StrategyContext["waitAll"],
    race(handles) {
      record("race", { keys: handles.map(({ key }) => key) });
      if (handles.length === 0) throw standing.fails("strategy_failed", "races no tasks at all");
      const names = handles.map((handle) => askedName(handle, "races"));
      const winner = waits
        .first(names)
        .then(({ name, resolution }) => taskEnd(keys.keyOf(name), resolution));
      return awaited(winner);
    },
    cancel(handle) {
      record("cancel", { key: handle.key });
      cancelled.add(askedName(handle, "cancels"));
    },
    key: (...given) => given.join("/"),
    rand() {
      record("rand", null);
      return parts.rand();
    },
    now() {
      record("now", null);
      return parts.now();
    },
    sleep(delayMs) {
      if (!(Number.isSafeInteger(delayMs) && delayMs >= 0 && delayMs <= MAX_SLEEP_MS)) {
        throw standing.fails(
          "strategy_failed",
          `wants to sleep for ${delayMs} ms; whole ms, at most 30 days, can be had`,
        );
      }
      if (sleeps.length === MAX_SLEEPS) {
        const many = MAX_SLEEPS.toLocaleString("en");
        throw standing.breaks(
          standing.fails("strategy_failed", `slept more than ${many} times in one execution`),
        );
      }
      const index = record("sleep", { delayMs });
      sleeps.push({ index, delayMs });
      return waits.sleep(index);
    },
    readFile(branch, path) {
      standing.check();
      const planned = planner.plan({ read: { path }, baseBranch: branch });
      const key = `${OWN_KEYS}read/${canonicalHash([branch, path]).slice(0, 16)}`;
      const name = keys.find(key, planned.fingerprint);
      record("readFile", { branch, path, fingerprint: planned.fingerprint });
      return awaited(readText(ask(key, planned, name), branch, path));
    },
    log: parts.log,
    signal,
  };
}

/** Code may come to this promise later; until then its failing is nobody's mistake. */
function awaited<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

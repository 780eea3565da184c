import type { Task, TaskEnd, TaskHandle, TaskResult } from "./task.ts";

/**
 * All a strategy can learn or do. Whatever it learns comes through here and is recorded, so that its
 * code can be run again from the start and meet the same answers.
 *
 * Ends of tasks reach the code one at a time, in the order of the log. `Promise.all`, `Promise.race`
 * and the like over what the context gives are as good as the context's own.
 */
export interface StrategyContext {
  /**
   * Asks for a task, and does not wait for it. Durable: the same key and task give the recorded one.
   * @throws KeyConflict, and an error that ends the strategy where the task makes no sense
   */
  run(task: Task, options: { readonly key: string }): TaskHandle;
  /** @throws TaskFailed */
  wait(handle: TaskHandle): Promise<TaskResult>;
  /**
   * Results in the order of the handles. Waits for all of them, also when one has failed.
   * @throws TaskFailed of the first handle that failed
   */
  waitAll(
    handles: readonly TaskHandle[],
    options?: { readonly tolerateFailures?: false },
  ): Promise<readonly TaskResult[]>;
  /** How each of them ended, in the order of the handles. Never throws. */
  waitAll(
    handles: readonly TaskHandle[],
    options: { readonly tolerateFailures: true },
  ): Promise<readonly TaskEnd[]>;
  /** The first of them to end, whichever way, in the order of the log. At least one handle. */
  race(handles: readonly TaskHandle[]): Promise<TaskEnd>;
  /**
   * Asks that the task be ended. One that has ended already, or does so first, stays as it is; who
   * waits for one that was cancelled gets TaskFailed with errorType "cancelled".
   */
  cancel(handle: TaskHandle): void;
  /** Joins the parts of a key with `/`. */
  key(...parts: readonly (string | number)[]): string;
  /** 0 ≤ x < 1: the same numbers whenever this strategy execution is replayed. */
  rand(): number;
  /** When what the code learned last was stored, epoch milliseconds. It stands still between waits. */
  now(): number;
  /**
   * Goes on after so many milliseconds at the least, up to 30 days, also when the coordinator was
   * started anew meanwhile. While the run is interrupted it does not go on.
   */
  sleep(delayMs: number): Promise<void>;
  /**
   * A file of a branch that a task may start from, as UTF-8 text of at most 256 KiB; undefined where
   * there is no such file.
   * @throws TaskFailed where there is something else by that path, or more
   */
  readFile(branch: string, path: string): Promise<string | undefined>;
  /** A line for the log of whoever runs this; said again when the code is replayed. */
  log(message: string): void;
  /** Aborted when this run of the code is given up. Nothing can be asked of the context after that. */
  readonly signal: AbortSignal;
}

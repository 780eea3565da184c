import { type ErrorRecord, type ImportPolicy, PitayaError } from "@pitaya/protocol";
import type { z } from "zod";

/** A piece of work for one agent, as a strategy asks for it. What is left out is the run's. */
export interface Task {
  readonly prompt: string;
  /** Branch, of the run's base or of an earlier task, that the work starts from. */
  readonly baseBranch?: string;
  readonly model?: string;
  readonly importPolicy?: ImportPolicy;
}

/** A task that was asked for. The same key gives the same handle, now and after a restart. */
export interface TaskHandle {
  readonly key: string;
}

export interface TaskResult {
  readonly key: string;
  /** Branch the work is imported as; absent where it has none. */
  readonly branch?: string;
  /** Absent when the agent committed nothing. */
  readonly commit?: string;
  readonly finalMessage?: string;
}

export interface TaskFailure {
  readonly key: string;
  readonly errorType: ErrorRecord["code"];
  readonly message: string;
  readonly error: ErrorRecord;
}

/** Thrown by `wait` when the task failed for good or was cancelled. */
export class TaskFailed extends Error {
  readonly failure: TaskFailure;
  constructor(failure: TaskFailure) {
    super(`task ${failure.key} failed: ${failure.message}`);
    this.name = "TaskFailed";
    this.failure = failure;
  }
}

/** Thrown by `run` when the key names another task already. */
export class KeyConflict extends PitayaError {
  constructor(key: string) {
    super("key_conflict", `the key "${key}" names another task already`, {
      hint: "give each different task a key of its own",
    });
    this.name = "KeyConflict";
  }
}

/**
 * All a strategy can learn or do. Whatever it learns comes through here and is recorded, so that its
 * code can be run again from the start and meet the same answers.
 */
export interface StrategyContext {
  /**
   * Asks for a task. Durable: the same key and task give the recorded one.
   * @throws KeyConflict
   */
  run(task: Task, options: { readonly key: string }): TaskHandle;
  /** @throws TaskFailed */
  wait(handle: TaskHandle): Promise<TaskResult>;
  /**
   * Goes on after so many milliseconds at the least, up to 30 days, also when the coordinator was
   * started anew meanwhile. While the run is interrupted it does not go on.
   */
  sleep(delayMs: number): Promise<void>;
  /** Joins the parts of a key. */
  key(...parts: readonly (string | number)[]): string;
  /** A line for the log of whoever runs this; said again when the code is replayed. */
  log(message: string): void;
}

export interface StrategyInput<P> {
  readonly prompt: string;
  /** Name of the run's base branch. */
  readonly baseBranch: string;
  readonly params: P;
}

export interface StrategyOutcome {
  readonly status: "succeeded" | "failed";
  readonly reason?: string;
  /** Keys of the tasks that count. */
  readonly tasks: readonly string[];
  readonly chosen?: string;
  readonly metadata?: Record<string, unknown>;
}

/**
 * Code that decides which tasks a run needs, from the results so far. Deterministic but for its
 * context: no clock, no randomness, no IO of its own.
 */
export interface Strategy<S extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly params: S;
  execute(input: StrategyInput<z.output<S>>, ctx: StrategyContext): Promise<StrategyOutcome>;
}

export const defineStrategy = <S extends z.ZodObject>(strategy: Strategy<S>): Strategy<S> =>
  strategy;

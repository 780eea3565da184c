import type {
  BranchSource,
  ErrorRecord,
  KeptSession,
  KeyPolicy,
  StrategyCall,
} from "@pitaya/protocol";
import type { PlannedTask, TaskPlanner } from "../planning/planned-task.ts";
import type { Strategy, StrategyOutcome, TaskResult } from "../sdk.ts";

/** How a task ended. */
export type TaskResolution =
  | {
      readonly status: "succeeded";
      readonly result: Omit<TaskResult, "key">;
      /** What the result's branch stands for. */
      readonly source?: BranchSource;
      readonly session?: KeptSession;
      /** Of a file that was read; absent where there is none. */
      readonly text?: string;
    }
  | {
      readonly status: "failed" | "cancelled";
      readonly error: ErrorRecord;
      /** What it made all the same. */
      readonly result?: Omit<TaskResult, "key">;
      readonly source?: BranchSource;
    };

export interface HostedTask {
  /** What the log keeps it under: the key it was asked for by, or `<key>/r<n>` where it runs anew. */
  readonly key: string;
  readonly planned: PlannedTask;
}

/** A strategy's end, by its own word or by what it threw. */
export interface HostedEnd {
  readonly outcome: StrategyOutcome;
  readonly error?: ErrorRecord;
  /** It did not fail by itself: it no longer goes the way that is recorded of it. */
  readonly leftPath?: true;
}

export interface Sleep {
  /** Of the call. */
  readonly index: number;
  readonly delayMs: number;
}

/** A strategy's code under way. Between calls of `deliver` it stands still. */
export interface HostedExecution {
  /** Every call of the code on its context so far. */
  readonly calls: readonly StrategyCall[];
  /** Every task it asked for so far, in order, each key once; files to be read among them. */
  readonly tasks: readonly HostedTask[];
  /** Keys of the log whose task the code wants no more, by `cancel`. */
  readonly cancelled: readonly string[];
  readonly ended: HostedEnd | undefined;
  /** Keys of the log whose task the code no longer asks for, since it asks for another by that key. */
  readonly replaced: readonly string[];
  /** Every sleep so far, in the order of the calls. */
  readonly sleeps: readonly Sleep[];
  /**
   * One resolution at a time, in the order of the log, every task's, waited for or not. Resolves when
   * the code stands still again. A second one for the same key, or one after the end, is nothing.
   *
   * @param atMs when it was stored, epoch milliseconds
   */
  deliver(key: string, resolution: TaskResolution, atMs: number): Promise<void>;
  /** The sleep that is the call of this index is over. As `deliver` otherwise. */
  wake(index: number, atMs: number): Promise<void>;
  /** Gives the code up, as it stands. */
  close(): void;
}

export interface HostOptions {
  /** As the strategy's own schema gave them. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  readonly baseBranch: string;
  readonly baseCommit: string;
  readonly files: Readonly<Record<string, string>>;
  /** What `rand` begins from: the strategy execution's name. */
  readonly seed: string;
  /** When the execution was begun, epoch milliseconds. */
  readonly startedAtMs: number;
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
  readonly planner: TaskPlanner;
  /** Where the code runs elsewhere than in this thread. */
  readonly elsewhere?: CodeElsewhere;
  log(message: string): void;
}

/** Code in another thread: a turn is over only when it stands still there as well. */
export interface CodeElsewhere {
  /** A turn begins: what the code may use is counted from here. */
  beginTurn(): void;
  /** Nothing that it was told or asked for is under way. */
  readonly isAtRest: boolean;
  /** Resolves when it is. */
  atRest(): Promise<void>;
}

/** Starts a strategy's code and lets it run until it waits. */
export type StartExecution = (strategy: Strategy, options: HostOptions) => Promise<HostedExecution>;

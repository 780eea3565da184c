import type { Strategy, StrategyOutcome, Task, TaskEnd } from "../sdk.ts";
import type { Script } from "./script.ts";

export interface TestRun {
  readonly script: Script;
  /** As a user gives them: checked and completed by the strategy's schema. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** "do it" */
  readonly prompt?: string;
  /** Files of the base branch, which is called main. */
  readonly repository?: Readonly<Record<string, string>>;
  /** Other branches of the repository, with their files. */
  readonly branches?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What parameters made by `textFileParam` and `taskFileParam` name. */
  readonly files?: Readonly<Record<string, string>>;
  /** Other plugins of the run. All of them can do everything. */
  readonly plugins?: readonly string[];
  /**
   * after-every-step: the code is thrown away after each delivery and replayed from what is recorded,
   * as after a crash of the coordinator. A test should come out the same.
   */
  readonly crash?: "never" | "after-every-step";
  /** Which strategy execution of the run it is: seeds `rand`. 1 */
  readonly execution?: number;
}

/** A task that was asked for. */
export interface TestedTask {
  readonly key: string;
  readonly task: Task;
  readonly branch?: string;
  /** Absent while it had not ended when the strategy had. */
  readonly end?: TaskEnd;
}

export interface TestedRun {
  readonly outcome: StrategyOutcome;
  /** What made it fail, where something was thrown. */
  readonly error?: { readonly code: string; readonly message: string };
  /** In the order in which they were asked for, files that were read left out. */
  readonly tasks: readonly TestedTask[];
  /** @throws where there is none by that key, naming those there are */
  task(key: string): TestedTask;
  /** Names of the context's calls, in their order. */
  readonly calls: readonly string[];
  readonly log: readonly string[];
  /** On the test's own clock. */
  readonly elapsedMs: number;
}

/**
 * Runs a strategy without bus, containers or agents, in milliseconds: the real host under a clock of
 * the test's own, with every task answered by the script.
 *
 * @throws where the strategy waits for what never ends
 */
export type RunStrategy = (strategy: Strategy, run: TestRun) => Promise<TestedRun>;

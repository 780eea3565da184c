/**
 * All that the code of a strategy needs. It imports nothing of Node and, at run time, nothing but
 * zod, since it also runs where there is nothing else.
 */
import type { z } from "zod";
import type { StrategyContext } from "./context.ts";
import type { StrategyOutcome } from "./outcome.ts";
import type { CommonParams } from "./params.ts";

export * from "./context.ts";
export * from "./outcome.ts";
export * from "./params.ts";
export * from "./task.ts";

export interface StrategyInput<P> {
  readonly prompt: string;
  /** Name of the run's base branch. */
  readonly baseBranch: string;
  /** The commit it stands at. */
  readonly baseCommit: string;
  /** Its own, beside those that every strategy takes. */
  readonly params: P;
  /** Texts of the files that parameters made by `textFileParam` name, by the parameter's value. */
  readonly files: Readonly<Record<string, string>>;
}

/** A run that is about to be submitted: nothing is stored yet, and nothing spent. */
export interface RunToCheck<P> extends Pick<StrategyInput<P>, "baseBranch" | "params" | "files"> {
  /** Those of the paths that are no files at the base commit. */
  missingPaths(paths: readonly string[]): Promise<readonly string[]>;
}

/** What is wrong with a parameter, for the user: what it is, and what to do. */
export interface ParamProblem {
  readonly param: string;
  readonly message: string;
}

/**
 * Code that decides which tasks a run needs, from the results so far. Deterministic but for its
 * context: no clock, no randomness, no IO of its own.
 */
export interface Strategy<S extends z.ZodObject = z.ZodObject> {
  /** What people call it, and a part of the names of its branches. */
  readonly name: string;
  /** Without `model`, `include_branches` and `key_prefix`, which every strategy takes. */
  readonly params: S;
  /** Plugins that its tasks name beside the run's, where no parameter does. */
  readonly plugins?: readonly string[];
  /**
   * What can be known to be wrong before anything is spent, beyond what the schema of the parameters
   * sees: the run is then not submitted. Of strategies that Pitaya ships alone. Nothing else is known
   * to it than what it is given.
   */
  check?(run: RunToCheck<z.output<S> & CommonParams>): Promise<readonly ParamProblem[]>;
  execute(
    input: StrategyInput<z.output<S> & CommonParams>,
    ctx: StrategyContext,
  ): Promise<StrategyOutcome>;
}

export const defineStrategy = <S extends z.ZodObject>(strategy: Strategy<S>): Strategy<S> =>
  strategy;

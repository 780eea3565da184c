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
  execute(
    input: StrategyInput<z.output<S> & CommonParams>,
    ctx: StrategyContext,
  ): Promise<StrategyOutcome>;
}

export const defineStrategy = <S extends z.ZodObject>(strategy: Strategy<S>): Strategy<S> =>
  strategy;

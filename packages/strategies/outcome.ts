import type { JsonObject } from "./task.ts";

/** What a strategy ends with. */
export interface StrategyOutcome {
  readonly status: "succeeded" | "failed";
  /** Why it failed; at most 2,000 characters. */
  readonly reason?: string;
  /** Keys of the agent tasks that count. */
  readonly tasks: readonly string[];
  /** The one that was chosen, where one was: its branch also gets the name `…/best`. */
  readonly chosen?: string;
  /** Small facts about the outcome, such as scores: at most 64 KiB as JSON. */
  readonly metadata?: JsonObject;
  /**
   * Files for the user, by their paths below the run's results: at most 64 of at most 1 MiB each.
   * Parts of a path hold `A-Z a-z 0-9 . _ -`, and do not begin with a dot. Not
   * `summary.json` or what else Pitaya writes there itself.
   */
  readonly files?: Readonly<Record<string, string>>;
}

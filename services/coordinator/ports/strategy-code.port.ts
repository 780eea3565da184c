import type { ErrorRecord, RunSpec, StrategyCall } from "@pitaya/protocol";
import type { PlannedTask } from "../domain/turn.ts";

/** How an instance ended, as the strategy that waits for it learns it. */
export type TaskOutcome =
  | {
      readonly status: "succeeded";
      readonly branch: string | undefined;
      readonly commit: string | undefined;
      readonly finalMessage: string | undefined;
    }
  | { readonly status: "failed" | "cancelled"; readonly error: ErrorRecord };

/** The code of one strategy execution, brought to where its history leads. */
export interface StrategyRun {
  readonly calls: readonly StrategyCall[];
  readonly tasks: readonly PlannedTask[];
  /** Keys of the instances that count stand in `instances`. */
  readonly ended:
    | {
        readonly status: "succeeded" | "failed";
        readonly reason: string | undefined;
        readonly keys: readonly string[];
        readonly chosen: string | undefined;
        readonly metadata: Record<string, unknown> | undefined;
        readonly error: ErrorRecord | undefined;
      }
    | undefined;
  /** One resolution; resolves when the code has run on as far as it can. */
  deliver(key: string, outcome: TaskOutcome): Promise<void>;
}

/**
 * Where strategies come from. The execution's code is replayed from the first call: `recorded`
 * calls must be met again in their order.
 *
 * @throws `replay_mismatch` naming both calls; `usage` for an unknown strategy or parameter
 */
export interface StrategyCode {
  start(
    spec: RunSpec,
    execution: string,
    prompt: string,
    recorded: readonly StrategyCall[],
  ): Promise<StrategyRun>;
}

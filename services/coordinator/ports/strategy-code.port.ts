import type { ErrorRecord, KeyPolicy, RunSpec, StrategyCall } from "@pitaya/protocol";
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
  /** Recorded keys whose task the code no longer asks for, since it asks for another by that key. */
  readonly replaced?: readonly string[];
  /** Keys of the instances that count stand in `instances`. */
  readonly ended:
    | {
        readonly status: "succeeded" | "failed";
        readonly reason: string | undefined;
        readonly keys: readonly string[];
        readonly chosen: string | undefined;
        readonly metadata: Record<string, unknown> | undefined;
        readonly error: ErrorRecord | undefined;
        /** It did not fail by itself: it no longer goes the way that is recorded of it. */
        readonly leftPath?: true;
      }
    | undefined;
  /** Every sleep so far, in the order of the calls. */
  readonly sleeps: readonly { readonly index: number; readonly delayMs: number }[];
  /** One resolution; resolves when the code has run on as far as it can. */
  deliver(key: string, outcome: TaskOutcome): Promise<void>;
  /** The sleep of this index is over; as `deliver`. */
  wake(index: number): Promise<void>;
}

/** What the log has of an execution: what its code, replayed from the first call, must meet again. */
export interface RecordedExecution {
  /** In their order. */
  readonly calls: readonly StrategyCall[];
  /** Fingerprint of the task under a key; absent where there is none. */
  fingerprintOf(key: string): string | undefined;
  /** What becomes of a key whose task is no longer the recorded one. */
  readonly keyPolicy: KeyPolicy;
  /** The calls are those since a resume under policy suffix: results may come of other tasks too. */
  readonly rekeyed: boolean;
}

/**
 * Where strategies come from.
 *
 * @throws `replay_mismatch` naming both calls; `key_conflict` naming the key whose task has changed;
 *   `usage` for an unknown strategy or parameter
 */
export interface StrategyCode {
  start(
    spec: RunSpec,
    execution: string,
    prompt: string,
    recorded: RecordedExecution,
  ): Promise<StrategyRun>;
}

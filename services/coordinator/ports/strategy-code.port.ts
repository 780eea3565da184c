import type { KeyPolicy, RunSpec, StrategyCall } from "@pitaya/protocol";
import type { HostedExecution } from "@pitaya/strategies";

/** What the log has of an execution: what its code, replayed from the first call, must meet again. */
export interface RecordedExecution {
  /** In their order. */
  readonly calls: readonly StrategyCall[];
  /** When it was begun, epoch milliseconds of the server. */
  readonly startedAtMs: number;
  /** Fingerprint of the task under a key; absent where there is none. */
  fingerprintOf(key: string): string | undefined;
  /** What becomes of a key whose task is no longer the recorded one. */
  readonly keyPolicy: KeyPolicy;
  /** The calls are those since a resume under policy suffix: results may come of other tasks too. */
  readonly rekeyed: boolean;
}

/** The texts of a run that its strategy's code begins with. */
export interface RunTexts {
  readonly prompt: string;
  /** Of the files for the strategy, by their names. */
  readonly files: Readonly<Record<string, string>>;
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
    texts: RunTexts,
    recorded: RecordedExecution,
  ): Promise<HostedExecution>;
}

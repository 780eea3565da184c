import type { DecisionMessage } from "@pitaya/protocol";
import type { FoldedRun, Taken } from "./fold/folded-run.ts";
import type { RunEntry } from "./run-entry.ts";

/** One coordinator's time of deciding, from winning the lease to losing it or stopping. */
export interface Reign {
  readonly epoch: number;
  /** Resolves when everything stored before is folded, and it decides. */
  readonly ready: Promise<void>;
  readonly liveRuns: number;
  /** A run, also one that ended long ago. */
  find(run: string): Promise<RunEntry | undefined>;
  /** Whether the run's submission is folded. */
  has(run: string): boolean;
  /** A message of the run was folded. */
  folded(run: FoldedRun, taken: Taken): void;
  /** The run is no longer held by the fold. */
  dropped(run: string): void;
  /** A runner's public key, as it announced it. */
  curveKeyOf(runner: string): string | undefined;
  /** The bus has answered a renewal of the lease. */
  renewed(): void;
  /**
   * Publishes these entries as soon as the run has nothing in flight. Resolves when they are stored;
   * with false where the run has moved on meanwhile, so that they mean nothing: nothing is stored.
   */
  ask(entry: RunEntry, entries: DecisionMessage["entries"]): Promise<boolean>;
  /**
   * Stops every live run so that it can be resumed. Resolves with their ids when none is live.
   * @throws `bus_unavailable` after `timeoutMs`
   */
  interruptAll(by: string, reason: string, timeoutMs: number): Promise<readonly string[]>;
  /** Resolves when the condition holds after some event. @throws `bus_unavailable` after `timeoutMs` */
  until(condition: () => boolean, what: string, timeoutMs: number): Promise<void>;
  /**
   * Whether the code of a run that is interrupted still goes the recorded way: it would only fail, for
   * good, otherwise.
   * @throws `key_conflict`, `replay_mismatch`
   */
  checkReplay(entry: RunEntry): Promise<void>;
  /** Something outside the log changed: look at this run, or at all, again. */
  wake(run?: string): void;
  stop(): Promise<void>;
}

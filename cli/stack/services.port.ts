import type { Logger } from "pino";

/** A process of the stack as the bus knows it. */
export interface StackUser {
  readonly id: string;
  /** nkeys seed. */
  readonly seed: string;
}

export type StackUsers = Readonly<Record<"coordinator" | "runner" | "cli", StackUser>>;

export interface ServiceContext {
  readonly url: string;
  readonly users: StackUsers;
  readonly version: string;
  /** Private directory for what the runner-agent keeps across restarts. */
  readonly runnerDirectory: string;
  readonly log: Logger;
  /** Whether nothing can be stored for want of room, or could not be a moment ago. */
  isStoreFull(): boolean;
}

/** Coordinator and runner-agent, running in this process. */
export interface RunningServices {
  /** How many runs are submitted, executing or finalizing, up to the last event that was read. */
  liveRuns(): number;
  /** Called after each change of `liveRuns()`. */
  onLiveRuns(changed: () => void): void;
  /**
   * Stops every live run so that it can be resumed. Resolves, with their ids, when nothing of them
   * runs any more.
   */
  interruptAll(reason: string, progress: (text: string) => void): Promise<readonly string[]>;
  /** The runner offers at least so many slots from now on; 0 takes that back. */
  setLeastSlots(count: number): void;
  /** Called at most once, when a service cannot go on. `stop` is still to be called. */
  onFailure(failed: (error: unknown) => void): void;
  /** `leave`: containers go on and are adopted at the next start. `end`: none of them is left. */
  stop(containers: "end" | "leave"): Promise<void>;
}

/**
 * What the supervisor runs beside nats-server.
 *
 * Implementations: `services.ts`; tests have stand-ins.
 */
export interface StackServices {
  /**
   * Resolves when a run can be submitted. `progress` is told each step in a few words.
   *
   * @throws what a person must know, as PitayaError; what it had started is stopped by then
   */
  start(context: ServiceContext, progress: (text: string) => void): Promise<RunningServices>;
}

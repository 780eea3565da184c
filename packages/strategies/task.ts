import type {
  ErrorCode,
  ErrorRecord,
  ImportConflictPolicy,
  ImportPolicy,
  TaskLimits,
} from "@pitaya/protocol";

/** Any value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** What every kind of work says of where it is done. What is left out is the run's. */
interface TaskPlace {
  /**
   * Branch the work starts from: the run's base, one of its included branches, or the `branch` of a
   * result that this strategy already has. The run's base where it is left out.
   */
  readonly baseBranch?: string;
  readonly image?: string;
  readonly networkEgress?: "online" | "offline" | "proxy";
  /** Of the work itself, from its start. */
  readonly timeoutMs?: number;
  /** Laid over the run's. */
  readonly limits?: Partial<TaskLimits>;
  /** In clear text everywhere: nothing secret. */
  readonly env?: Readonly<Record<string, string>>;
  /** What a runner must offer to be given this. */
  readonly requires?: TaskRequirements;
}

export interface TaskRequirements {
  readonly pool?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A piece of work for one agent, as a strategy asks for it. What is left out is the run's. */
export interface AgentTask extends TaskPlace {
  readonly prompt: string;
  /** The run's plugin, or another that the run was submitted with. */
  readonly plugin?: string;
  readonly model?: string;
  readonly importPolicy?: ImportPolicy;
  readonly importConflictPolicy?: ImportConflictPolicy;
  /** A branch without a commit of its own is not imported. */
  readonly skipEmptyImport?: boolean;
  /**
   * Tasks of one group share a conversation: each goes on from where the last one that has ended
   * before it was asked for left off, on whatever runner. Ask for them one after another.
   */
  readonly sessionGroup?: string;
  /** Goes on from the conversation of this id: `sessionId` of a result with a `sessionGroup`. */
  readonly resumeSession?: string;
  /** Instead of the agent CLI's own. */
  readonly systemPrompt?: string;
  /** After the agent CLI's own. */
  readonly appendSystemPrompt?: string;
  readonly maxTurns?: number;
  /** Local branches in the workspace beside the base: the run's, or branches of earlier results. */
  readonly includeBranches?: readonly string[];
  /** A workspace that cannot be written to. Such a task has no branch, and nothing to import. */
  readonly readOnly?: boolean;
  /** JSON Schema that `output` of the result keeps to. */
  readonly outputSchema?: JsonObject;
}

/** A command in a fresh container on a branch, such as the project's tests. It makes no commits. */
export interface VerifyTask extends TaskPlace {
  readonly verify: {
    /** For the container's shell, in the root of the workspace. */
    readonly command: string;
    /** Files of the run, as their parameter names them, that no agent saw; put over the workspace. */
    readonly files?: readonly string[];
  };
}

export type Task = AgentTask | VerifyTask;

/** A task that was asked for. The same key gives the same handle, now and after a restart. */
export interface TaskHandle {
  readonly key: string;
}

export interface TaskTokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** How the command of a {@link VerifyTask} ended. */
export interface VerifyResult {
  /** It ended by itself with status 0. */
  readonly passed: boolean;
  /** 124 where it ran out of time. */
  readonly exitCode: number;
  readonly timedOut: boolean;
  /** The end of what it printed, stdout and stderr as they came, at most 8 KiB. */
  readonly output: string;
}

export interface TaskResult {
  readonly key: string;
  /**
   * Name of the task's branch, for `baseBranch` and `readFile`, whether it is imported or not, and
   * also where nothing was committed: it then stands where its base does. Absent for tasks that only
   * look, and for verify tasks.
   */
  readonly branch?: string;
  /** Absent when nothing was committed. */
  readonly commit?: string;
  /** Whether anything was committed. */
  readonly hasChanges: boolean;
  readonly commits: number;
  /** The agent's last words. */
  readonly finalMessage?: string;
  /** What the agent answered to the task's `outputSchema`. */
  readonly output?: Json;
  /** Of all attempts, failed ones included; absent where it is not known. */
  readonly costUsd?: number;
  /** Of all attempts; absent where they are not known. */
  readonly tokens?: TaskTokens;
  /** Of the attempt that succeeded. */
  readonly turns?: number;
  readonly sessionId?: string;
  /** Of a verify task, and of no other. */
  readonly verify?: VerifyResult;
}

export interface TaskFailure {
  readonly key: string;
  readonly errorType: ErrorCode;
  readonly message: string;
  readonly error: ErrorRecord;
  /** What its last attempt made all the same; absent where it made nothing. */
  readonly result?: TaskResult;
}

/** How a task ended, whichever way. */
export type TaskEnd =
  | { readonly status: "succeeded"; readonly key: string; readonly result: TaskResult }
  | { readonly status: "failed"; readonly key: string; readonly failure: TaskFailure };

/** Thrown by `wait` when the task failed for good or was cancelled (`errorType` "cancelled"). */
export class TaskFailed extends Error {
  readonly failure: TaskFailure;
  constructor(failure: TaskFailure) {
    super(`task ${failure.key} failed: ${failure.message}`);
    this.name = "TaskFailed";
    this.failure = failure;
  }
}

/** Thrown by `run` when the key names another task already. */
export class KeyConflict extends Error {
  readonly key: string;
  constructor(key: string) {
    super(`the key "${key}" names another task already; give each different task a key of its own`);
    this.name = "KeyConflict";
    this.key = key;
  }
}

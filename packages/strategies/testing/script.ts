import type { ErrorCode } from "@pitaya/protocol";
import type { AgentTask, Json, VerifyTask } from "../sdk.ts";

/** A task as the script is asked for it. */
export interface ScriptedTask {
  readonly key: string;
  /** Every field as the strategy gave it, with the strategy's `model` parameter laid under. */
  readonly task: AgentTask | VerifyTask;
  /** Empty for verify tasks. */
  readonly prompt: string;
  /** The branch it starts from. */
  readonly baseBranch: string;
  /** Text of a file where the task starts; undefined where there is none. */
  readFile(path: string): string | undefined;
}

/** What an agent did, or a command. All of it may be left out: an agent that did nothing. */
export interface Done {
  /** The agent's last words. */
  readonly message?: string;
  /** Files it committed, by path; null removes one. With any, there is a commit. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** 1 where there are files, otherwise 0. */
  readonly commits?: number;
  readonly output?: Json;
  readonly costUsd?: number;
  readonly turns?: number;
  /** Of a verify task: its exit status, 0 where it is left out, and what it printed. */
  readonly exitCode?: number;
  readonly timedOut?: boolean;
  readonly stdout?: string;
  /** On the test's own clock; 1,000 where it is left out. Who takes less is done first. */
  readonly afterMs?: number;
}

export interface Failed {
  readonly error: ErrorCode;
  readonly text?: string;
  readonly afterMs?: number;
}

/** It never ends by itself. */
export type Pending = "pending";

export type Answer = Done | Failed | Pending;

/** Answers tasks. The same task must be answered the same way, since code may be replayed. */
export type Script = (task: ScriptedTask) => Answer;

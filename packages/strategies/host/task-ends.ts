import type { ErrorRecord } from "@pitaya/protocol";
import { type TaskEnd, TaskFailed, type TaskFailure, type TaskResult } from "../sdk.ts";
import type { TaskResolution } from "./hosted-execution.ts";

/** How a task ended, as strategy code learns it. */
export function taskEnd(key: string, resolution: TaskResolution): TaskEnd {
  if (resolution.status === "succeeded") {
    return { status: "succeeded", key, result: { key, ...resolution.result } };
  }
  const { error, result } = resolution;
  return { status: "failed", key, failure: taskFailure(key, error, result) };
}

export function taskFailure(
  key: string,
  error: ErrorRecord,
  result?: Omit<TaskResult, "key">,
): TaskFailure {
  const { code: errorType, message } = error;
  return { key, errorType, message, error, ...(result && { result: { key, ...result } }) };
}

/** @throws TaskFailed */
export function resultOf(end: TaskEnd): TaskResult {
  if (end.status === "failed") throw new TaskFailed(end.failure);
  return end.result;
}

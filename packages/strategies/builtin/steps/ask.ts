import type { ErrorCode } from "@pitaya/protocol";
import type {
  AgentTask,
  CommonParams,
  StrategyContext,
  TaskEnd,
  TaskHandle,
  TaskResult,
} from "../../sdk.ts";
import type { Answer } from "../answers/answer.ts";

/** A question to an agent whose answer may turn out not to be usable. */
export interface Question<T> {
  /** Of all its attempts: each has its number after it. */
  readonly key: string;
  /** At least 1. */
  readonly attempts: number;
  /** @param correction what was wrong with the answer before; none where there was no answer */
  task(correction: string | undefined): AgentTask;
  read(result: TaskResult): Answer<T> | Promise<Answer<T>>;
}

export type Asked<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** Of the attempt that answered. */
      readonly result: TaskResult;
      readonly attempts: number;
    }
  | {
      readonly ok: false;
      /** Of the last attempt. */
      readonly problem: string;
      readonly key: string;
      readonly attempts: number;
    };

/** Ends that the same question would come to again, or that somebody wanted. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  "cancelled",
  "budget",
  "credentials_missing",
  "credentials_refused",
  "invalid_model",
  "task_unsupported",
]);

/** Asks, and asks again with what was wrong, until the answer is usable or the attempts are spent. */
export async function ask<T>(ctx: StrategyContext, question: Question<T>): Promise<Asked<T>> {
  let correction: string | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const task = ctx.run(question.task(correction), {
      key: ctx.key(question.key, `attempt-${attempt}`),
    });
    const end = await endOf(ctx, task);
    const isLast = attempt >= question.attempts;
    if (end.status === "failed") {
      const { errorType, message } = end.failure;
      ctx.log(`${task.key} failed: ${message}`);
      if (isLast || FINAL.has(errorType)) {
        return { ok: false, problem: message, key: task.key, attempts: attempt };
      }
      continue;
    }
    const answer = await question.read(end.result);
    if (answer.ok) {
      return { ok: true, value: answer.value, result: end.result, attempts: attempt };
    }
    correction = answer.problem;
    ctx.log(`the answer of ${task.key} cannot be used: ${correction}`);
    if (isLast) return { ok: false, problem: correction, key: task.key, attempts: attempt };
  }
}

/** How a task ends, whichever way. */
export const endOf = (ctx: StrategyContext, task: TaskHandle): Promise<TaskEnd> => ctx.race([task]);

/** The fields of a task that looks and leaves nothing behind. */
export const LOOKS_ONLY = { readOnly: true, importPolicy: "never" } as const;

/** The fields of a task on somebody's work, with the branch that it started from beside it. */
export function onWork(
  { include_branches: included = [] }: CommonParams,
  branch: string | undefined,
  baseBranch: string,
): Pick<AgentTask, "baseBranch" | "includeBranches"> {
  if (branch === undefined || branch === baseBranch) return { baseBranch };
  return { baseBranch: branch, includeBranches: [...new Set([...included, baseBranch])] };
}

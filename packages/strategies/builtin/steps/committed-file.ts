import { type StrategyContext, TaskFailed, type TaskResult } from "../../sdk.ts";
import { type Answer, answered, unusable } from "../answers/answer.ts";

/** The text of a file that a task was to commit. */
export async function committedFile(
  ctx: StrategyContext,
  { branch, hasChanges }: TaskResult,
  path: string,
): Promise<Answer<string>> {
  if (branch === undefined || !hasChanges)
    return unusable(`nothing was committed, no ${path} either`);
  const text = await fileAt(ctx, branch, path);
  if (!text.ok) return text;
  if (text.value === undefined) return unusable(`there is no file ${path} in what was committed`);
  if (text.value.trim() === "") return unusable(`the file ${path} is empty`);
  return answered(text.value);
}

/** A file of a branch; undefined where there is none. */
export async function fileAt(
  ctx: StrategyContext,
  branch: string,
  path: string,
): Promise<Answer<string | undefined>> {
  try {
    return answered(await ctx.readFile(branch, path));
  } catch (error) {
    if (!(error instanceof TaskFailed)) throw error;
    return unusable(`the file ${path} cannot be read: ${error.failure.message}`);
  }
}

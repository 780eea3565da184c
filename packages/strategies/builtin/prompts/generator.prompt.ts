import { promptText, section } from "./prompt-text.ts";

/**
 * The user's prompt as it was given, unless there is something to say beside it.
 *
 * @param voice said before the task
 * @param hint how this candidate is to differ from the others
 */
export function generatorPrompt(parts: {
  readonly task: string;
  readonly voice?: string | undefined;
  readonly hint?: string | undefined;
}): string {
  const { task, voice, hint } = parts;
  if (!voice?.trim() && !hint?.trim()) return task;
  return promptText(voice, section("task", task), section("hint", hint));
}

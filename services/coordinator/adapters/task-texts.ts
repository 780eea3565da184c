import { type Bus, storeText } from "@pitaya/bus";
import { pluginNames, pluginOf, taskProblems } from "@pitaya/plugins";
import {
  type ErrorRecord,
  errorRecord,
  PitayaError,
  type RunSpec,
  type TaskSpec,
} from "@pitaya/protocol";
import type { TaskDraft } from "@pitaya/strategies";

/**
 * A task with its texts where they belong: in the message, or in the blob store.
 *
 * @param prompt of the run, which is stored already
 */
export async function storedTask(
  bus: Bus,
  spec: RunSpec,
  prompt: string,
  draft: TaskDraft,
): Promise<TaskSpec> {
  const { systemPrompt, appendSystemPrompt, outputSchema, ...rest } = draft;
  return {
    ...rest,
    prompt: draft.prompt === prompt ? spec.prompt : await storeText(bus, draft.prompt),
    ...(systemPrompt === undefined ? {} : { systemPrompt: await storeText(bus, systemPrompt) }),
    ...(appendSystemPrompt === undefined
      ? {}
      : { appendSystemPrompt: await storeText(bus, appendSystemPrompt) }),
    ...(outputSchema === undefined ? {} : { outputSchema: await storeText(bus, outputSchema) }),
  };
}

/** Why no runner could ever do this as it is asked for, naming plugin and field. */
export function refusalOf(draft: TaskDraft, task: TaskSpec): ErrorRecord | undefined {
  if (draft.verify || draft.read) return undefined;
  // One that is not known here may be the runner's own, which says so itself where it is not.
  const { plugin, declaration } = task.agent;
  if (declaration === undefined && !pluginNames.includes(plugin)) return undefined;
  try {
    const problems = taskProblems(task, draft, pluginOf(task.agent));
    if (problems.length === 0) return undefined;
    return errorRecord(new PitayaError("task_unsupported", problems.join("; ")));
  } catch (error) {
    return errorRecord(error);
  }
}

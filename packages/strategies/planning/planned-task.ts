import type { InstanceKind, TaskSpec } from "@pitaya/protocol";
import type { TaskResolution } from "../host/hosted-execution.ts";
import type { Task } from "../sdk.ts";

/** A file of a branch, as `readFile` asks for it. */
export interface ReadTask {
  readonly read: { readonly path: string };
  readonly baseBranch: string;
}

type Texts = "prompt" | "systemPrompt" | "appendSystemPrompt" | "outputSchema";

/** A task as it will be scheduled, its texts not stored yet. */
export type TaskDraft = Omit<TaskSpec, Texts> & {
  readonly prompt: string;
  readonly systemPrompt?: string;
  readonly appendSystemPrompt?: string;
  readonly outputSchema?: string;
};

export interface PlannedTask {
  /** As it was asked for. */
  readonly asked: Task | ReadTask;
  readonly kind: InstanceKind;
  readonly draft: TaskDraft;
  /** Two tasks have the same only if one result serves both: 64 hex digits. */
  readonly fingerprint: string;
}

/** Makes whole tasks of what strategy code asks for. */
export interface TaskPlanner {
  /** @throws `strategy_failed` naming the field that makes no sense, or a branch that is not known */
  plan(task: Task | ReadTask): PlannedTask;
  /** What a task ended with, which later ones may stand on. */
  learn(planned: PlannedTask, resolution: TaskResolution): void;
}

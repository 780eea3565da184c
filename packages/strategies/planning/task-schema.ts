import {
  AgentEnv,
  ImageReference,
  ImportConflictPolicy,
  ImportPolicy,
  Network,
  PitayaError,
  Requirements,
  TaskLimits,
} from "@pitaya/protocol";
import { z } from "zod";
import type { Task } from "../sdk.ts";
import type { ReadTask } from "./planned-task.ts";

const branch = z.string().min(1).max(300);

const place = {
  baseBranch: branch.optional(),
  image: ImageReference.optional(),
  networkEgress: Network.optional(),
  timeoutMs: z.int().positive().optional(),
  limits: TaskLimits.partial().optional(),
  env: AgentEnv.optional(),
  requires: Requirements.optional(),
};

const AgentTask = z.strictObject({
  prompt: z.string().refine((text) => text.trim() !== "", "expected some text"),
  ...place,
  plugin: z.string().min(1).max(64).optional(),
  model: z.string().min(1).max(200).optional(),
  importPolicy: ImportPolicy.optional(),
  importConflictPolicy: ImportConflictPolicy.optional(),
  skipEmptyImport: z.boolean().optional(),
  sessionGroup: z.string().min(1).max(200).optional(),
  resumeSession: z.string().min(1).max(200).optional(),
  systemPrompt: z.string().optional(),
  appendSystemPrompt: z.string().optional(),
  maxTurns: z.int().positive().max(10_000).optional(),
  includeBranches: z.array(branch).max(16).optional(),
  readOnly: z.boolean().optional(),
  outputSchema: z.record(z.string(), z.json()).optional(),
});

const VerifyTask = z.strictObject({
  verify: z.strictObject({
    command: z.string().min(1).max(32_768),
    files: z.array(z.string().min(1)).max(256).optional(),
  }),
  ...place,
});

const ReadTaskSchema = z.strictObject({
  read: z.strictObject({ path: z.string().min(1).max(4_096) }),
  baseBranch: branch,
});

/** What is wrong with a task, since code without types may ask for anything. @throws `strategy_failed` */
export function checkTask(task: Task | ReadTask): void {
  const schema = "verify" in task ? VerifyTask : "read" in task ? ReadTaskSchema : AgentTask;
  const parsed = schema.safeParse(task);
  if (parsed.success) return;
  throw new PitayaError(
    "strategy_failed",
    `the strategy asks for a task that makes no sense: ${z.prettifyError(parsed.error)}`,
  );
}

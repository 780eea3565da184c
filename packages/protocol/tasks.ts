import { z } from "zod";
import { Text } from "./blobs.ts";
import { BranchSource } from "./bundles.ts";
import { TaskLimits } from "./limits.ts";
import { AgentSpec, ImportPolicy } from "./run-spec.ts";

/** agent: a branch at most; verify: a container and no branch; read: neither. */
export const InstanceKind = z.enum(["agent", "verify", "read"]);
export type InstanceKind = z.infer<typeof InstanceKind>;

/** What an instance does: the run's settings with the strategy's task laid over them. */
export const TaskSpec = z.object({
  prompt: Text,
  base: BranchSource,
  agent: AgentSpec,
  limits: TaskLimits,
  network: z.enum(["online", "offline"]),
  readOnly: z.boolean(),
  forceCommit: z.boolean(),
  commitInstruction: z.string().max(8_192).optional(),
  author: z.object({ name: z.string(), email: z.string() }),
  importPolicy: ImportPolicy,
});
export type TaskSpec = z.infer<typeof TaskSpec>;

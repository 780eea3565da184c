import { z } from "zod";
import { AgentEnv } from "./agent-env.ts";
import { BlobRef, Text } from "./blobs.ts";
import { BranchSource } from "./bundles.ts";
import { TaskLimits } from "./limits.ts";
import { Network, NetworkAllow } from "./network.ts";
import { RunFilePath } from "./run-files.ts";
import { AgentSpec, ImportConflictPolicy, ImportPolicy, RedactionPatterns } from "./run-spec.ts";
import { KeptSession } from "./snapshots.ts";

/** agent: a branch at most; verify: a container and no branch; read: neither. */
export const InstanceKind = z.enum(["agent", "verify", "read"]);
export type InstanceKind = z.infer<typeof InstanceKind>;

/** A command in a fresh container on `base`, instead of an agent. */
export const VerifySpec = z.object({
  /** For `sh -c`, in the root of the workspace. */
  command: z.string().min(1).max(32_768),
  /** Put over the workspace before it; no agent has seen them. */
  files: z.array(z.object({ path: RunFilePath, executable: z.boolean(), blob: BlobRef })).max(256),
});
export type VerifySpec = z.infer<typeof VerifySpec>;

/** Largest file that strategy code may read, in bytes. */
export const MAX_READ_BYTES = 256 * 1024;

/** A file of `base`, for strategy code. No container. */
export const ReadSpec = z.object({
  /** Relative to the root of the repository, with `/`. */
  path: z.string().min(1).max(4_096),
});
export type ReadSpec = z.infer<typeof ReadSpec>;

/** What a runner must offer. */
export const Requirements = z.object({
  pool: z.string().max(63).optional(),
  labels: z.record(z.string(), z.string()).optional(),
});
export type Requirements = z.infer<typeof Requirements>;

/** Whether a runner offers what is required. */
export const meets = (
  offer: { readonly pool: string; readonly labels: Readonly<Record<string, string>> },
  requires: Requirements | undefined,
): boolean =>
  (requires?.pool === undefined || requires.pool === offer.pool) &&
  Object.entries(requires?.labels ?? {}).every(([name, value]) => offer.labels[name] === value);

/** What an instance does: the run's settings with the strategy's task laid over them. */
export const TaskSpec = z.object({
  /** Empty where no agent is asked. */
  prompt: Text,
  base: BranchSource,
  agent: AgentSpec,
  limits: TaskLimits,
  network: Network,
  networkAllow: NetworkAllow.optional(),
  /** Certificates to believe beside the usual ones, as PEM. */
  extraCa: Text.optional(),
  readOnly: z.boolean(),
  forceCommit: z.boolean(),
  commitInstruction: z.string().max(8_192).optional(),
  redact: RedactionPatterns.optional(),
  author: z.object({ name: z.string(), email: z.string() }),
  importPolicy: ImportPolicy,
  /** Instead of the run's. */
  importConflict: ImportConflictPolicy.optional(),
  skipEmptyImport: z.boolean().optional(),
  /** What it does where that is no agent's work; one of the two at most. */
  verify: VerifySpec.optional(),
  read: ReadSpec.optional(),
  /** Instead of the agent CLI's own. */
  systemPrompt: Text.optional(),
  /** After the agent CLI's own. */
  appendSystemPrompt: Text.optional(),
  maxTurns: z.int().positive().max(10_000).optional(),
  env: AgentEnv.optional(),
  /** Local branches in the workspace beside the base. */
  includes: z.array(BranchSource).max(16).optional(),
  /** JSON Schema, as text, that the fact's `output` keeps to. */
  outputSchema: Text.optional(),
  /**
   * The conversation is kept: `session` of `attempt.succeeded`. With `from` it goes on from there,
   * with this task's prompt as what is said next.
   */
  session: z.object({ from: KeptSession.optional() }).optional(),
  requires: Requirements.optional(),
});
export type TaskSpec = z.infer<typeof TaskSpec>;

export const kindOf = (task: Pick<TaskSpec, "verify" | "read">): InstanceKind => {
  if (task.verify) return "verify";
  return task.read ? "read" : "agent";
};

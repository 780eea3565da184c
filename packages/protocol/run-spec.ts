import { z } from "zod";
import { BlobRef, Text } from "./blobs.ts";
import { BranchSource, ObjectFormat } from "./bundles.ts";
import { ProcessId, RunId, Timestamp } from "./ids.ts";
import { ImageReference } from "./images.ts";
import { TaskLimits } from "./limits.ts";
import { Network, NetworkAllow } from "./network.ts";
import { PluginDeclaration } from "./plugin-declaration.ts";
import { RunFile } from "./run-files.ts";

/** How the agent of a run is called. Holds names of credentials, never their values. */
export const AgentSpec = z.object({
  plugin: z.string().min(1).max(64),
  /** Where the plugin is not one of ours but declared by the user, who gave it its name. */
  declaration: PluginDeclaration.optional(),
  model: z.string().min(1).max(200).optional(),
  image: ImageReference,
  cliArgs: z.array(z.string().max(32_768)).max(256),
  /** Provider address as a container reaches it. Without user information. */
  baseUrl: z.url().optional(),
  /** Which provider, of a plugin that can use several. */
  provider: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/)
    .optional(),
  /** Names the agent gets its credentials under; empty when it needs none. A provider's key is first. */
  credentials: z.array(z.string().regex(/^[A-Z][A-Z0-9_]*$/)).max(8),
});
export type AgentSpec = z.infer<typeof AgentSpec>;

/** In the syntax of @pitaya/redaction, which judges them. */
export const RedactionPatterns = z.array(z.string().min(1).max(500)).max(32);

export const ImportPolicy = z.enum(["auto", "never", "always"]);
export const ImportConflictPolicy = z.enum(["fail", "overwrite", "suffix"]);
export type ImportPolicy = z.infer<typeof ImportPolicy>;
export type ImportConflictPolicy = z.infer<typeof ImportConflictPolicy>;

/** A run as submitted: all that its outcome depends on but the secrets. Immutable. */
export const RunSpec = z.object({
  run: RunId,
  client: ProcessId,
  submittedAt: Timestamp,
  prompt: Text,
  repository: z.object({
    /** For people: the directory's name. */
    name: z.string().max(200),
    /** Where the cli found it; the cli that imports compares it, nothing else uses it. */
    path: z.string().max(4_096),
    objectFormat: ObjectFormat,
  }),
  base: BranchSource,
  strategy: z.object({
    name: z.string().min(1).max(200),
    params: z.record(z.string(), z.json()),
    /** The user's own code, as it was submitted; absent where it is a strategy that Pitaya ships. */
    code: z
      .object({
        /** The file with all it imports. */
        blob: BlobRef,
        /** For people: what the user called it by. */
        file: z.string().min(1).max(4_096),
        /** Which of the file's exports it is. */
        export: z.string().min(1).max(200),
      })
      .optional(),
  }),
  /** Strategy executions. */
  executions: z.int().min(1).max(1_000),
  agent: AgentSpec,
  /** Other plugins that its tasks may name, each once. */
  otherAgents: z.array(AgentSpec).max(16).optional(),
  /** Branches beside the base that its parameters name: tasks may stand on them or see them. */
  branches: z.array(BranchSource).max(16).optional(),
  /** Files that its parameters name. */
  files: z.array(RunFile).max(512).optional(),
  limits: TaskLimits,
  network: Network,
  networkAllow: NetworkAllow.optional(),
  /** Certificates to believe beside the usual ones, as PEM. */
  extraCa: Text.optional(),
  /** Instances of the run that may be placed at once; absent: as many as there are slots. */
  maxParallel: z.int().positive().max(10_000).optional(),
  /** Of these, how many may be between their placement and the agent's start; absent: all. */
  maxStarting: z.int().positive().max(10_000).optional(),
  /** Instances are placed in an order drawn by the run's id, not in the order they were asked for. */
  randomQueue: z.boolean().optional(),
  /** Attempts after the first, for retryable failures. */
  retries: z.int().nonnegative().max(20),
  forceCommit: z.boolean(),
  /** Patterns of the user's own, whose matches are taken out of all that is kept. */
  redact: RedactionPatterns.optional(),
  /** Told to agents whose work is imported; empty switches it off. */
  commitInstruction: z.string().max(8_192).optional(),
  author: z.object({ name: z.string().min(1).max(200), email: z.string().min(1).max(200) }),
  import: z.object({
    policy: ImportPolicy,
    conflict: ImportConflictPolicy,
    skipEmpty: z.boolean(),
    allowProtected: z.boolean(),
  }),
  branchNaming: z.enum(["hierarchical", "flat"]),
});
export type RunSpec = z.infer<typeof RunSpec>;

/**
 * What `resume --override-config` may change of a run: how its work is done, never what it is. Tasks
 * keep their fingerprints.
 */
export const RunOverride = z.object({
  limits: TaskLimits.partial().optional(),
  network: Network.optional(),
  networkAllow: NetworkAllow.optional(),
  retries: z.int().nonnegative().max(20).optional(),
  maxParallel: z.int().positive().max(10_000).optional(),
  maxStarting: z.int().positive().max(10_000).optional(),
  baseUrl: z.url().optional(),
  provider: AgentSpec.shape.provider,
  credentials: AgentSpec.shape.credentials.optional(),
});
export type RunOverride = z.infer<typeof RunOverride>;

/** strict: a changed task under a known key is an error; suffix: only that key runs anew as `<key>/r<n>`. */
export const KeyPolicy = z.enum(["strict", "suffix"]);
export type KeyPolicy = z.infer<typeof KeyPolicy>;

import { basename } from "node:path";
import type { Repository } from "@pitaya/git";
import {
  type AgentSpec,
  type BranchSource,
  ProcessId,
  type RunFile,
  type RunId,
  RunSpec,
  type TaskLimits,
  type Text,
} from "@pitaya/protocol";
import type { Settings } from "../settings/schema.ts";

/** What a run is made of, beside its settings. */
export interface RunParts {
  readonly run: RunId;
  readonly client: string;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly prompt: Text;
  readonly repo: Pick<Repository, "topLevel" | "gitDir" | "objectFormat">;
  readonly base: BranchSource;
  readonly strategy: RunSpec["strategy"];
  readonly agent: AgentSpec;
  readonly others: readonly AgentSpec[];
  readonly branches: readonly BranchSource[];
  readonly files: readonly RunFile[];
  readonly commitInstruction: string;
  /** Certificates, as PEM. */
  readonly extraCa?: Text;
}

const ms = (seconds: number) => Math.max(1, Math.round(seconds * 1000));

/** Which setting is which limit. */
export const LIMIT_KEYS = {
  cpus: "runner.cpu_limit",
  memoryBytes: "runner.memory_limit",
  pids: "runner.pids_limit",
  diskBytes: "runner.disk_limit",
  startTimeoutMs: "runner.start_timeout",
  stallTimeoutMs: "runner.stall",
  timeoutMs: "runner.timeout",
  snapshotIntervalMs: "orchestration.snapshot_interval",
} as const satisfies Required<Record<keyof TaskLimits, keyof Settings>>;

export const taskLimits = (settings: Settings): TaskLimits => ({
  cpus: settings["runner.cpu_limit"],
  memoryBytes: settings["runner.memory_limit"],
  pids: settings["runner.pids_limit"],
  diskBytes: settings["runner.disk_limit"],
  startTimeoutMs: ms(settings["runner.start_timeout"]),
  stallTimeoutMs: ms(settings["runner.stall"]),
  timeoutMs: ms(settings["runner.timeout"]),
  snapshotIntervalMs: ms(settings["orchestration.snapshot_interval"]),
});

/** Enough to keep an engine busy. Where the slots are the bound, they are for starts too. */
const STARTING_AT_ONCE = 10;

function startingOf(settings: Settings): Pick<RunSpec, "maxStarting"> {
  const starting = settings["orchestration.max_parallel_startup"];
  if (starting !== "auto") return { maxStarting: starting };
  const parallel = settings["orchestration.max_parallel_instances"];
  return parallel === "auto" || parallel <= STARTING_AT_ONCE
    ? {}
    : { maxStarting: STARTING_AT_ONCE };
}

/** The run as it is submitted. */
export function runSpec(parts: RunParts, settings: Settings): RunSpec {
  const path = parts.repo.topLevel ?? parts.repo.gitDir;
  const redact = settings["logging.redaction.custom_patterns"];
  const parallel = settings["orchestration.max_parallel_instances"];
  const allowed = settings["runner.network_allow"];
  return RunSpec.parse({
    run: parts.run,
    client: ProcessId.parse(parts.client),
    submittedAt: new Date(parts.now).toISOString(),
    prompt: parts.prompt,
    repository: {
      name: basename(path).slice(0, 200),
      path,
      objectFormat: parts.repo.objectFormat,
    },
    base: parts.base,
    strategy: parts.strategy,
    executions: settings.runs,
    agent: parts.agent,
    ...(parts.others.length > 0 && { otherAgents: [...parts.others] }),
    ...(parts.branches.length > 0 && { branches: [...parts.branches] }),
    ...(parts.files.length > 0 && { files: [...parts.files] }),
    limits: taskLimits(settings),
    network: settings["runner.network_egress"],
    ...(allowed.length > 0 && { networkAllow: allowed }),
    ...(parts.extraCa && { extraCa: parts.extraCa }),
    ...(parallel === "auto" ? {} : { maxParallel: parallel }),
    ...startingOf(settings),
    ...(settings["orchestration.randomize_queue_order"] && { randomQueue: true }),
    retries: settings["orchestration.retries"],
    forceCommit: settings["runner.force_commit"],
    commitInstruction: settings["runner.commit_instruction"] ?? parts.commitInstruction,
    ...(redact.length > 0 && { redact }),
    author: { name: settings["runner.git_name"], email: settings["runner.git_email"] },
    import: {
      policy: settings.import_policy,
      conflict: settings.import_conflict_policy,
      skipEmpty: settings.skip_empty_import,
      allowProtected: settings["orchestration.allow_overwrite_protected_refs"],
    },
    branchNaming: settings["orchestration.branch_namespace"],
  });
}

import {
  branchName,
  DEFAULT_LIMITS,
  executionId,
  type Fact,
  instanceId,
  type Outcome,
  ProcessId,
  RunSpec,
  type TaskSpec,
} from "@pitaya/protocol";
import type { LogMessage } from "../run-log.ts";
import { type Draft, type LogComposer, logComposer } from "./log-composer.ts";

/** A valid run, made by parsing so that it cannot drift from the schema. */
export const sampleSpec = (changes: Record<string, unknown> = {}): RunSpec =>
  RunSpec.parse({
    run: "run_20260102_030405_0a1b2c3d",
    client: "client-1",
    submittedAt: "2026-01-02T03:04:05.000Z",
    prompt: { inline: "add a test" },
    repository: { name: "demo", path: "/home/ada/demo", objectFormat: "sha1" },
    base: {
      branch: "main",
      commit: "a".repeat(40),
      bundles: [
        {
          blob: { writer: "client-1", sha256: "b".repeat(64), bytes: 3, parts: 1, parents: [] },
          tip: "a".repeat(40),
          shallow: [],
        },
      ],
    },
    strategy: { name: "simple", params: {} },
    executions: 1,
    agent: {
      plugin: "claude-code",
      model: "sonnet",
      image: "pitaya-agents:latest",
      cliArgs: [],
      credentials: ["ANTHROPIC_API_KEY"],
    },
    limits: DEFAULT_LIMITS,
    network: "online",
    retries: 2,
    forceCommit: false,
    author: { name: "Pitaya Agent", email: "agent@pitaya.local" },
    import: { policy: "auto", conflict: "fail", skipEmpty: true, allowProtected: false },
    branchNaming: "hierarchical",
    ...changes,
  });

export const sampleTask = (spec: RunSpec): TaskSpec => ({
  prompt: spec.prompt,
  base: spec.base,
  agent: spec.agent,
  limits: spec.limits,
  network: spec.network,
  readOnly: false,
  forceCommit: spec.forceCommit,
  author: spec.author,
  importPolicy: spec.import.policy,
});

/** The parts of a log, by the names of what happens. */
export const scheduled = (spec: RunSpec, key: string, execution = 1) => {
  const id = executionId(execution);
  const instance = instanceId(spec.run, id, key);
  return {
    type: "instance.scheduled",
    instance,
    execution: id,
    key,
    kind: "agent",
    fingerprint: "c".repeat(64),
    branch: branchName(spec.branchNaming, spec.strategy.name, spec.run, instance),
    task: sampleTask(spec),
  } as const;
};

export const placed = (spec: RunSpec, key: string, attempt = 1, execution = 1) =>
  ({
    type: "attempt.placed",
    instance: instanceId(spec.run, executionId(execution), key),
    attempt,
    runner: ProcessId.parse("runner-1"),
    claimTimeoutMs: 15_000,
  }) as const;

const account = {
  usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 50, cacheWriteTokens: 5 },
  costUsd: 0.25,
  turns: 3,
  agentMs: 4_000,
  sessionId: "session-1",
};

export const madeCommits = (changes: Partial<Extract<Fact, { type: "attempt.succeeded" }>> = {}) =>
  ({
    type: "attempt.succeeded",
    uncommitted: false,
    forcedCommit: false,
    finalMessage: { inline: "done" },
    account,
    work: { commit: "d".repeat(40), commits: 2, filesChanged: 3, insertions: 10, deletions: 4 },
    lfsObjectsMissing: 0,
    ...changes,
  }) satisfies Fact;

export const attemptFailed = (changes: Partial<Extract<Fact, { type: "attempt.failed" }>> = {}) =>
  ({
    type: "attempt.failed",
    error: { code: "agent_failed", message: "the agent exited with 1", retryable: false },
    exitCode: 1,
    lastOutput: "boom",
    account: { agentMs: 1_000 },
    lfsObjectsMissing: 0,
    ...changes,
  }) satisfies Fact;

export const outcome = (
  status: Outcome["status"],
  instances: Outcome["instances"],
  reason?: string,
): Outcome => ({ status, instances, ...(reason === undefined ? {} : { reason }) });

/** Stores drafts in memory, one a second. */
export function composed(
  spec: RunSpec,
  write: (log: LogComposer) => Iterable<Draft>,
): readonly LogMessage[] {
  const composer = logComposer(spec.run);
  const messages: LogMessage[] = [];
  const start = Date.UTC(2026, 0, 2, 3, 4, 5);
  for (const draft of write(composer)) {
    const sequence = messages.length + 1;
    messages.push(composer.stored(draft, sequence, new Date(start + sequence * 1_000)));
  }
  return messages;
}

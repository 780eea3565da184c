import { type AgentCommand, type AgentTask, RESUME_PROMPT } from "@pitaya/plugins";
import type { BundleRef, TaskSpec } from "@pitaya/protocol";
import type { AttemptName, AttemptSpec, Restored } from "../ports/executor.port.ts";
import type { AttemptLimits } from "./attempt.ts";

/** Enough for any build tool, and a bound for whoever leaks them. */
const OPEN_FILES = 16_384;

/** A snapshot that is at hand: the attempt goes on from it. */
export interface Resumed {
  readonly sessionId: string;
  readonly commit: string;
  /** From the base to `commit`; absent where they are the same. On the engine. */
  readonly bundle?: BundleRef;
  readonly restored: Restored;
}

/**
 * What a task asks of the agent CLI, in the plugin's words.
 *
 * @param sessionId of the conversation it goes on with, which holds the prompt
 */
export function agentTaskOf(task: TaskSpec, prompt: string, sessionId?: string): AgentTask {
  const { agent, commitInstruction } = task;
  return {
    ...(sessionId === undefined
      ? { prompt }
      : { prompt: RESUME_PROMPT, resumeSessionId: sessionId }),
    cliArgs: agent.cliArgs,
    ...(agent.model === undefined ? {} : { model: agent.model }),
    ...(commitInstruction ? { instruction: commitInstruction } : {}),
    ...(agent.baseUrl === undefined ? {} : { baseUrl: agent.baseUrl }),
  };
}

/** Host and port of a provider's address, as a rule of the engine names them. */
export function endpointOf(baseUrl: string): { readonly host: string; readonly port: number } {
  const url = new URL(baseUrl);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { host, port: url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port) };
}

/**
 * The endpoint of this host to open for a task, if its operator allows it. Any other address an agent
 * reaches as its network lets it; a rule for one would open a port of this host instead.
 *
 * @param ownHosts addresses and names of this host as a container may use them
 */
export function openedEndpoint(
  baseUrl: string | undefined,
  allowed: "as-tasks-ask" | readonly { readonly host: string; readonly port: number }[],
  ownHosts: ReadonlySet<string>,
): AttemptSpec["openHostEndpoint"] {
  if (baseUrl === undefined) return undefined;
  const asked = endpointOf(baseUrl);
  if (allowed === "as-tasks-ask") return ownHosts.has(asked.host) ? asked : undefined;
  return allowed.find(({ host, port }) => host === asked.host && port === asked.port);
}

export interface AttemptSpecParts {
  readonly name: AttemptName;
  readonly task: TaskSpec;
  readonly imageId: string;
  readonly command: AgentCommand;
  readonly limits: AttemptLimits;
  readonly resumed: Resumed | undefined;
  readonly openHostEndpoint: AttemptSpec["openHostEndpoint"];
  /** Cores of the engine's host. It refuses a container that is to have more. */
  readonly hostCpus: number;
}

/** The container an attempt needs. */
export function attemptSpecOf(parts: AttemptSpecParts): AttemptSpec {
  const { name, task, imageId, command, limits, resumed, openHostEndpoint } = parts;
  const { base } = task;
  const bundles = resumed?.bundle ? [resumed.bundle, ...base.bundles] : base.bundles;
  return {
    name,
    imageId,
    workspace: {
      objectFormat: base.commit.length === 64 ? "sha256" : "sha1",
      commit: resumed?.commit ?? base.commit,
      branch: base.branch,
      includes: [],
      packs: bundles.map(({ blob }) => blob.sha256),
      shallow: [...new Set(bundles.flatMap(({ shallow }) => shallow))],
      author: task.author,
    },
    ...(resumed && { base: base.commit, restored: resumed.restored }),
    readOnly: task.readOnly,
    argv: command.argv,
    env: command.env,
    ...(command.stdin === undefined ? {} : { stdin: command.stdin }),
    limits: {
      cpus: Math.min(task.limits.cpus, parts.hostCpus),
      memoryBytes: task.limits.memoryBytes,
      pids: task.limits.pids,
      openFiles: OPEN_FILES,
      fileBytes: task.limits.diskBytes,
      diskBytes: task.limits.diskBytes,
    },
    network: task.network,
    ...(openHostEndpoint === undefined ? {} : { openHostEndpoint }),
    forceCommit: task.forceCommit,
    killGraceMs: limits.killGraceMs,
    harvestTimeoutMs: limits.harvestTimeoutMs,
  };
}

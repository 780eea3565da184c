import type { AgentCommand } from "@pitaya/plugins";
import {
  type BranchSource,
  type BundleRef,
  PitayaError,
  type TaskSpec,
  type VerifySpec,
} from "@pitaya/protocol";
import type {
  AttemptName,
  AttemptSpec,
  PlacedFile,
  Restored,
  WorkspaceSpec,
} from "../ports/executor.port.ts";
import type { AttemptLimits } from "./attempt.ts";
import { type GatewayVisit, proxyEnv } from "./gateway-visit.rules.ts";
import { objectFormatOf } from "./object-format.rules.ts";
import { caEnv, EXTRA_CA } from "./surroundings.rules.ts";

/** What an engine takes at the least: less is an error of its own, which would look like a fault. */
const LEAST = { cpus: 0.01, memoryBytes: 6 * 1024 ** 2 } as const;

function refuseTooLittle(limits: TaskSpec["limits"]): void {
  for (const name of ["cpus", "memoryBytes"] as const) {
    if (limits[name] >= LEAST[name]) continue;
    throw new PitayaError(
      "task_unsupported",
      `limits: ${name} is ${limits[name]}, and no container can have less than ${LEAST[name]}.`,
    );
  }
}

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

/** A check as its container is called. Its streams are one, so that its last words stand last. */
export const verifyCommand = ({ command }: VerifySpec): AgentCommand => ({
  argv: ["sh", "-c", `exec 2>&1\n${command}`],
  env: {},
});

interface Endpoint {
  readonly host: string;
  readonly port: number;
}
type HostEndpoints = "as-tasks-ask" | readonly Endpoint[];

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
  allowed: HostEndpoints,
  ownHosts: ReadonlySet<string>,
): AttemptSpec["openHostEndpoint"] {
  if (baseUrl === undefined) return undefined;
  const asked = endpointOf(baseUrl);
  if (allowed === "as-tasks-ask") return ownHosts.has(asked.host) ? asked : undefined;
  return allowed.find(({ host, port }) => host === asked.host && port === asked.port);
}

/** May agents have this endpoint of the runner's own host? */
export const opensEndpoint =
  (allowed: HostEndpoints) =>
  (asked: Endpoint): boolean =>
    allowed === "as-tasks-ask" ||
    allowed.some(({ host, port }) => host === asked.host && port === asked.port);

export interface AttemptSpecParts {
  readonly name: AttemptName;
  readonly task: TaskSpec;
  readonly imageId: string;
  readonly command: AgentCommand;
  readonly limits: AttemptLimits;
  readonly resumed: Resumed | undefined;
  /** What a check is done with. */
  readonly files: readonly PlacedFile[];
  readonly openHostEndpoint: AttemptSpec["openHostEndpoint"];
  /** Cores of the engine's host. It refuses a container that is to have more. */
  readonly hostCpus: number;
  /** Where it uses the gateway. */
  readonly visit?: GatewayVisit | undefined;
  /** Certificates to believe beside the usual ones, as PEM. */
  readonly extraCa?: string | undefined;
}

/**
 * The base, or where an earlier attempt had got to on it, and the included branches beside it.
 *
 * @throws `task_unsupported` for two branches of one name
 */
function workspaceOf(task: TaskSpec, resumed: Resumed | undefined): WorkspaceSpec {
  const { base, includes = [], author } = task;
  const commits = new Map([[base.branch, base.commit]]);
  for (const { branch, commit } of includes) {
    if ((commits.get(branch) ?? commit) !== commit) {
      throw new PitayaError(
        "task_unsupported",
        `Two branches of the workspace are named ${branch}.`,
      );
    }
    commits.set(branch, commit);
  }
  commits.delete(base.branch);
  const bundles = [
    ...(resumed?.bundle ? [resumed.bundle] : []),
    ...[base, ...includes].flatMap((source: BranchSource) => source.bundles),
  ];
  return {
    objectFormat: objectFormatOf(base.commit),
    commit: resumed?.commit ?? base.commit,
    branch: base.branch,
    includes: [...commits].map(([branch, commit]) => ({ branch, commit })),
    packs: [...new Set(bundles.map(({ blob }) => blob.sha256))],
    shallow: [...new Set(bundles.flatMap(({ shallow }) => shallow))],
    author,
  };
}

/** The container an attempt needs. @throws `task_unsupported` */
export function attemptSpecOf(parts: AttemptSpecParts): AttemptSpec {
  const { name, task, imageId, command, limits, resumed, files, openHostEndpoint, visit, extraCa } =
    parts;
  refuseTooLittle(task.limits);
  const isProxied = task.network === "proxy";
  return {
    name,
    imageId,
    workspace: workspaceOf(task, resumed),
    ...(resumed && { base: task.base.commit, restored: resumed.restored }),
    readOnly: task.readOnly,
    ...(task.verify && { discards: true, files }),
    argv: command.argv,
    env: {
      ...(extraCa && caEnv),
      ...task.env,
      ...command.env,
      ...(visit && isProxied && proxyEnv(visit)),
    },
    ...(command.stdin === undefined ? {} : { stdin: command.stdin }),
    ...((command.files || extraCa) && {
      inputs: { ...command.files, ...(extraCa && { [EXTRA_CA]: extraCa }) },
    }),
    limits: {
      cpus: Math.min(task.limits.cpus, parts.hostCpus),
      memoryBytes: task.limits.memoryBytes,
      pids: task.limits.pids,
      openFiles: OPEN_FILES,
      fileBytes: task.limits.diskBytes,
      diskBytes: task.limits.diskBytes,
    },
    network: task.network,
    ...(visit && !isProxied && { usesGateway: true }),
    ...(openHostEndpoint === undefined ? {} : { openHostEndpoint }),
    forceCommit: task.forceCommit,
    killGraceMs: limits.killGraceMs,
    harvestTimeoutMs: limits.harvestTimeoutMs,
  };
}

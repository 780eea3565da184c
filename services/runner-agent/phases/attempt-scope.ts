import type { Clock } from "@pitaya/actors";
import type { Bus, Sealer } from "@pitaya/bus";
import type { AgentPlugin } from "@pitaya/plugins";
import type { StartCommand } from "@pitaya/protocol";
import type { Redactor } from "@pitaya/redaction";
import type { Logger } from "pino";
import type { AttemptLimits } from "../domain/attempt.ts";
import type { Resumed } from "../domain/attempt-spec.rules.ts";
import type { GatewayVisit } from "../domain/gateway-visit.rules.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { AttemptDirectory, PackCache } from "../ports/disk.port.ts";
import type { AttemptName, Execution, Executor, PlacedFile } from "../ports/executor.port.ts";
import type { WorkGit } from "../ports/work-git.port.ts";

/** What all attempts of a runner-agent share. */
export interface RunnerScope {
  readonly runner: string;
  readonly bus: Bus;
  readonly executor: Executor;
  readonly gateway: Gateway;
  readonly clock: Clock;
  readonly packs: PackCache;
  readonly git: WorkGit;
  readonly sealer: Pick<Sealer, "open" | "publicKey">;
  readonly log: Logger;
  findPlugin(name: string): AgentPlugin | undefined;
  redactorOf(secrets: readonly string[], patterns?: readonly string[]): Redactor;
  /** Cores of the engine's host: no container gets more. */
  readonly cpus: number;
  /** Addresses of this host that agents may reach; see `RunnerSettings`. */
  readonly hostEndpoints: HostEndpoints;
  /** Variables that name the proxy of the runner's own surroundings, for agents that are online. */
  readonly outerProxies: Readonly<Record<string, string>>;
  /** Addresses and names by which a container may mean this host. */
  ownHosts(): ReadonlySet<string>;
  /** Resolves while no clean-up of strangers is under way, which would take a new container for one. */
  reaped(): Promise<void>;
  /** Resolves when this runner's containers may run, or when `signal` aborts. */
  whenMayRun(signal: AbortSignal): Promise<void>;
  /**
   * How an attempt was lost while the lease was not held, if it was. Asked when the lease is held, and
   * before its container runs: what was confirmed or placed before that may have been sealed since.
   */
  lossOf(name: AttemptName): Promise<"SEALED" | "SUPERSEDED" | undefined>;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `as-tasks-ask`: whatever a task names as its provider's address, as the embedded stack allows its one user. */
export type HostEndpoints = "as-tasks-ask" | readonly Endpoint[];

/** What one attempt has in hand while it lives. Kept out of the machine, since none of it is data. */
export interface AttemptScope extends RunnerScope {
  readonly name: AttemptName;
  readonly command: StartCommand;
  readonly limits: AttemptLimits;
  readonly directory: AttemptDirectory;
  readonly log: Logger;
  /** Environment of the agent: in memory from `preparing` on, and never anywhere else. */
  secrets?: Readonly<Record<string, string>>;
  redactor?: Redactor;
  /** Where it uses the gateway. */
  visit?: GatewayVisit;
  execution?: Execution;
  /** The agent's own name for its session, from its output. */
  sessionId?: string;
  /** Digest of the last snapshot that was stored. */
  lastSnapshot?: string;
  /** What the attempt begins with, when it goes on from a snapshot or another task's conversation. */
  resumed?: Resumed;
  /** What a check is done with. */
  files?: readonly PlacedFile[];
  /** When the agent last said something; the machine is told when it asks. */
  lastOutputAtMs?: number;
}

import { randomBytes } from "node:crypto";
import { systemClock } from "@pitaya/actors";
import { type Bus, sealer } from "@pitaya/bus";
import * as git from "@pitaya/git";
import { findPlugin, pluginNames } from "@pitaya/plugins";
import { buckets } from "@pitaya/protocol";
import { redactorPool } from "@pitaya/redaction";
import type { Logger } from "pino";
import { busEndpoints } from "./adapters/bus-endpoints.ts";
import { containerHost } from "./adapters/container-host.ts";
import { dockerExecutor } from "./adapters/docker/docker-executor.ts";
import { ownHosts } from "./adapters/own-hosts.ts";
import { runnerDisk } from "./adapters/runner-disk.ts";
import { runnerLease } from "./adapters/runner-lease.ts";
import { opensEndpoint } from "./domain/attempt-spec.rules.ts";
import { proxyOfSurroundings } from "./domain/surroundings.rules.ts";
import { gateway } from "./gateway/gateway.ts";
import type { HostEndpoints } from "./phases/attempt-scope.ts";
import { livenessInProcess } from "./runner/liveness.ts";
import { type Runner, startRunner } from "./runner/runner.ts";
import { livenessByWarden, type WardenOptions } from "./warden/liveness-by-warden.ts";
import { forkWarden } from "./warden/warden-process.ts";

export type { Endpoint, HostEndpoints } from "./phases/attempt-scope.ts";
export type { Runner, StopMode } from "./runner/runner.ts";

/** The process that holds a runner's lease, and where it finds bus and engine. */
export interface WardenProcess {
  /** The program to fork: `warden/main.ts`, or its bundle. */
  readonly program: string;
  readonly connection: WardenOptions["connection"];
}

/** What whoever runs a runner-agent decides; times in milliseconds. */
export interface StartOptions {
  /** Connected as this runner. Stays the caller's: it is not closed here. */
  readonly bus: Bus;
  /** Where the bus listens, as URLs: no agent reaches it. */
  readonly servers: readonly string[];
  /** Its id, as its credential has it. */
  readonly runner: string;
  readonly version: string;
  /** Private directory of its own, kept over restarts. */
  readonly stateDir: string;
  readonly log: Logger;
  /** Docker engine, `unix:///path` or `tcp://host:port`; as the docker command decides without it. */
  readonly engine?: string;
  /** For steps of ours on the engine: sh, coreutils, findutils, git, iptables. Default: the agents image. */
  readonly helperImage?: string;
  readonly pool?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Attempts at a time; by default what the engine's host holds, 2 to 20. */
  readonly slots?: number;
  /** How long the fleet believes in this runner without hearing of it. 5,000. */
  readonly leaseMs?: number;
  /** Addresses of this host that agents may reach, such as a local model server. Default: none. */
  readonly hostEndpoints?: HostEndpoints;
  /** Take online attempts where packet rules cannot be set. The operator's risk. */
  readonly allowOnlineWithoutRules?: boolean;
  /** The process that holds the lease. Without one it is renewed in this process, as the embedded stack does. */
  readonly warden?: WardenProcess;
  /** How long an attempt may stand still before it is ended. 600,000. */
  readonly pauseMaxMs?: number;
  /** Between TERM and KILL of an agent. 10,000. */
  readonly killGraceMs?: number;
  /** For the harvest inside a container. 60,000. */
  readonly harvestTimeoutMs?: number;
  /** How long `stop("kill")` waits for agents to end and their work to be stored. 30,000. */
  readonly stopPatienceMs?: number;
}

/**
 * Starts a runner-agent on a bus whose streams are provisioned. Resolves when it has taken up what an
 * earlier one left, and takes starts.
 *
 * @throws `engine_unavailable`, `image_missing` (the helper image), `bus_unavailable`
 */
export async function start(options: StartOptions): Promise<Runner> {
  const { bus, runner, log } = options;
  const leaseMs = options.leaseMs ?? 5_000;
  const listening = await busEndpoints(options.servers);
  const executor = await dockerExecutor({
    runnerId: runner,
    helperImage: options.helperImage ?? findPlugin("claude-code").defaultImage,
    bus: listening,
    ...(options.engine !== undefined && { engine: options.engine }),
    ...(options.allowOnlineWithoutRules && { allowOnlineWithoutRules: true }),
  });
  const { warden } = options;
  return startRunner(
    {
      bus,
      executor,
      gateway: gateway({
        env: process.env,
        log,
        surroundings: () => ({
          ownHosts: new Set([...ownHosts(), containerHost()].filter((host) => host !== undefined)),
          bus: listening,
          opens: opensEndpoint(options.hostEndpoints ?? []),
        }),
      }),
      disk: runnerDisk(options.stateDir),
      git,
      clock: systemClock,
      log,
      incarnation: randomBytes(4).toString("hex"),
      sealer: sealer(),
      findPlugin: (name) => (pluginNames.includes(name) ? findPlugin(name) : undefined),
      redactorOf: redactorPool(),
      ownHosts,
      liveness: (told) =>
        warden === undefined
          ? livenessInProcess(runnerLease(bus.bucket(buckets.runners), runner, leaseMs), told)
          : livenessByWarden(
              { launch: forkWarden(warden.program), connection: warden.connection },
              told,
            ),
    },
    {
      runner,
      version: options.version,
      pool: options.pool ?? "default",
      labels: options.labels ?? {},
      ...(options.slots !== undefined && { slots: options.slots }),
      leaseMs,
      hostEndpoints: options.hostEndpoints ?? [],
      outerProxies: proxyOfSurroundings(process.env),
      limits: {
        finalGraceMs: 10_000,
        killGraceMs: options.killGraceMs ?? 10_000,
        harvestTimeoutMs: options.harvestTimeoutMs ?? 60_000,
        collectTimeoutMs: 600_000,
        goneTimeoutMs: 30_000,
        pauseMaxMs: options.pauseMaxMs ?? 600_000,
      },
      stopPatienceMs: options.stopPatienceMs ?? 30_000,
    },
  );
}

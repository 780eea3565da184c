import type { ContainerCreateOptions, MountSettings } from "dockerode";
import { type AttemptSpec, GATEWAY } from "../../ports/executor.port.ts";
import { hardened } from "./hardening.rules.ts";
import { volumeMount } from "./mounts.ts";
import { LABEL, type Naming } from "./names.ts";
import { formatEndpoint } from "./network.ts";
import { packMounts } from "./packs.ts";
import { AGENT_USER, PLACE } from "./places.ts";

export interface ContainerSurroundings {
  readonly naming: Naming;
  readonly wrapperVolume: string;
  /** The workspace's volume options: an overlay, or none for a copy. */
  readonly workOptions: Readonly<Record<string, string>>;
  readonly engineCpus: number;
  readonly hasIpv6: boolean;
  /** Of the gateway, as this container reaches it. */
  readonly gatewayAddress?: string;
}

/** Two streams of 16 segments of 1 MiB and the one being written, certificates, and a little. */
const RUN_TMPFS = "rw,nosuid,nodev,noexec,mode=1777,size=38m";

/** The attempt's container as the engine is to make it. No secret is in it. */
export function attemptContainer(
  spec: AttemptSpec,
  surroundings: ContainerSurroundings,
): ContainerCreateOptions {
  const { naming, wrapperVolume, workOptions, engineCpus, hasIpv6, gatewayAddress } = surroundings;
  const volumes = naming.volumes(spec.name);
  const labels = naming.labels("volume", spec.name);
  const mounts: MountSettings[] = [
    volumeMount({
      volume: volumes.work,
      at: PLACE.workspace,
      labels,
      readOnly: spec.readOnly,
      options: workOptions,
    }),
    volumeMount({ volume: volumes.home, at: PLACE.home, labels }),
    volumeMount({ volume: volumes.exchange, at: PLACE.exchange, labels }),
    volumeMount({
      volume: wrapperVolume,
      at: PLACE.wrapper,
      labels: naming.labels("wrapper"),
      readOnly: true,
    }),
    ...packMounts(naming, spec.workspace.packs),
  ];
  const { limits } = spec;
  const isOnline = spec.network === "online";
  const hosts = [
    ...(isOnline ? ["host.docker.internal:host-gateway"] : []),
    ...(gatewayAddress === undefined ? [] : [`${GATEWAY.host}:${gatewayAddress}`]),
  ];
  return {
    name: naming.container(spec.name),
    Image: spec.imageId,
    Labels: {
      ...naming.labels("attempt", spec.name),
      ...(spec.openHostEndpoint && { [LABEL.endpoint]: formatEndpoint(spec.openHostEndpoint) }),
    },
    User: AGENT_USER,
    Hostname: "pitaya",
    // An image's own check would run beside the agent.
    Healthcheck: { Test: ["NONE"] },
    WorkingDir: PLACE.workspace,
    Env: Object.entries({ HOME: PLACE.home, ...spec.env }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    Entrypoint: ["/bin/sh", `${PLACE.wrapper}/run.sh`],
    Cmd: wrapperArguments(spec),
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      ...hardened(),
      NetworkMode: networkOf(spec, naming),
      ...(hosts.length > 0 && { ExtraHosts: hosts }),
      // The gateway resolves names. The engine's own name server would carry questions, and so
      // anything at all, out of a network that leads nowhere.
      ...(spec.network === "proxy" && {
        ...{ Dns: ["127.0.0.1"], DnsOptions: ["timeout:1", "attempts:1"] },
      }),
      // The bridge has no IPv6, but the link's own addresses would reach this host past the rules.
      ...(spec.network !== "offline" &&
        hasIpv6 && { Sysctls: { "net.ipv6.conf.all.disable_ipv6": "1" } }),
      PidsLimit: limits.pids,
      NanoCpus: Math.round(Math.min(limits.cpus, engineCpus) * 1e9),
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      Ulimits: [
        { Name: "core", Soft: 0, Hard: 0 },
        { Name: "nofile", Soft: limits.openFiles, Hard: limits.openFiles },
        { Name: "fsize", Soft: limits.fileBytes, Hard: limits.fileBytes },
      ],
      Tmpfs: {
        "/tmp": `rw,exec,nosuid,nodev,mode=1777,size=${Math.floor(limits.memoryBytes / 2)}`,
        [PLACE.run]: RUN_TMPFS,
      },
      Mounts: mounts,
    },
  };
}

function networkOf({ network }: AttemptSpec, naming: Naming): string {
  if (network === "offline") return "none";
  return network === "proxy" ? naming.gateway.network : naming.network;
}

function wrapperArguments(spec: AttemptSpec): string[] {
  const { author, commit } = spec.workspace;
  return [
    ...["--base", spec.base ?? commit],
    ...["--grace", String(spec.killGraceMs / 1_000)],
    ...["--harvest-limit", String(spec.harvestTimeoutMs / 1_000)],
    ...["--author", author.name, author.email],
    ...(spec.forceCommit ? ["--force-commit"] : []),
    ...(spec.readOnly || spec.discards ? ["--read-only"] : []),
    "--",
    ...spec.argv,
  ];
}

/**
 * A second container on the volumes of one that ended without a report: the same in all but that it
 * only harvests, and has no network. `made` is what the engine says of the first.
 */
export function harvestContainer(
  made: { readonly Image: string; readonly Config: MadeConfig; readonly HostConfig: object },
  names: { readonly name: string; readonly labels: Record<string, string> },
): ContainerCreateOptions {
  const own = made.Config.Cmd.slice(0, Math.max(made.Config.Cmd.indexOf("--"), 0));
  return {
    name: names.name,
    Image: made.Image,
    Labels: names.labels,
    User: made.Config.User,
    Hostname: "pitaya",
    WorkingDir: PLACE.workspace,
    Env: [...(made.Config.Env ?? [])],
    Entrypoint: ["/bin/sh", `${PLACE.wrapper}/run.sh`],
    Cmd: [...own, "--harvest-only"],
    HostConfig: { ...made.HostConfig, NetworkMode: "none", ExtraHosts: [], Dns: [], Sysctls: {} },
  };
}

export interface MadeConfig {
  readonly User: string;
  readonly Cmd: readonly string[];
  readonly Env?: readonly string[] | null;
}

import { isIPv4 as isIpv4 } from "node:net";
import type { Naming } from "./names.ts";
import type { StewardHost } from "./steward.ts";

/**
 * Where clouds serve a machine its identity and keys: link-local (AWS, Google, Azure and most
 * others), and the addresses of Alibaba, Azure's own agent, and Oracle.
 */
const METADATA = ["169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"];

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What agents of this runner may and may not reach, as far as it is not the same everywhere. */
export interface NetworkPolicy {
  /** Addresses of the bus, as IPv4 literals, and its ports. */
  readonly bus: readonly Endpoint[];
  /** Endpoints of this host that live attempts need, as IPv4 literals or this host by any name. */
  readonly open: readonly Endpoint[];
}

/**
 * The two chains for `iptables-restore`: what an agent sends through this host, and what it sends
 * to this host. First match decides; the end of the first chain goes back to the engine's own
 * rules, the end of the second is a drop.
 *
 * Name servers come first since some clouds have theirs at the metadata address: port 53 only.
 */
export function filterRules(naming: Naming, host: StewardHost, policy: NetworkPolicy): string {
  const { forwardChain: forward, inputChain: input, bridge } = naming;
  const tag = `-m comment --comment "pitaya runner ${naming.runnerId}"`;
  const nameServers = host.nameServers.filter((address) => isIpv4(address));
  const names = nameServers.flatMap((address) =>
    ["udp", "tcp"].map((protocol) => `-d ${address}/32 -p ${protocol} --dport 53`),
  );
  const open = policy.open.map((endpoint) => ({
    // A name for this host: whatever address of it the agent takes.
    toHost: `${isIpv4(endpoint.host) ? `-d ${endpoint.host}/32 ` : ""}-p tcp --dport ${endpoint.port}`,
    address: isIpv4(endpoint.host) ? endpoint.host : host.gateway,
    port: endpoint.port,
  }));
  // Other containers' networks. The engine keeps its own apart too; this holds without it as well.
  const bridges = [bridge, "docker0", "br-+", "pit-+", "podman+", "cni-+", "virbr+"];
  const closed = [
    ...METADATA.map((addresses) => `-d ${addresses}`),
    ...policy.bus.map(({ host: address, port }) => `-d ${address}/32 -p tcp --dport ${port}`),
    "-p tcp -m multiport --dports 2375,2376,2377",
    // A desktop's engine forwards this address to the loopback services of the user's machine.
    ...(host.gateway === undefined ? [] : [`-d ${host.gateway}/32`]),
    ...bridges.map((name) => `-o ${name}`),
  ];
  return [
    "*filter",
    `:${forward} - [0:0]`,
    `:${input} - [0:0]`,
    ...names.map((match) => `-A ${forward} ${match} ${tag} -j RETURN`),
    ...open.flatMap(({ address, port }) =>
      address === undefined
        ? []
        : [`-A ${forward} -d ${address}/32 -p tcp --dport ${port} ${tag} -j RETURN`],
    ),
    ...closed.map((match) => `-A ${forward} ${match} ${tag} -j DROP`),
    ...names.map((match) => `-A ${input} ${match} ${tag} -j ACCEPT`),
    ...open.map(({ toHost }) => `-A ${input} ${toHost} ${tag} -j ACCEPT`),
    `-A ${input} ${tag} -j DROP`,
    "COMMIT",
    "",
  ].join("\n");
}

import { BlockList, isIP, isIPv4 } from "node:net";
import type { Target } from "./allow-list.rules.ts";

/** What the gateway knows of the host it is on, and of what is not for agents there. */
export interface Surroundings {
  /** Addresses of this host, and names that mean it. */
  readonly ownHosts: ReadonlySet<string>;
  /** Where the bus listens. */
  readonly bus: readonly Target[];
  /** May agents have this endpoint of this host, by the name or address that they asked for? */
  opens(target: Target): boolean;
}

const listOf = (v4: readonly string[], v6: readonly string[]): BlockList => {
  const list = new BlockList();
  const add = (type: "ipv4" | "ipv6") => (subnet: string) => {
    const [address = "", bits] = subnet.split("/");
    list.addSubnet(address, Number(bits), type);
  };
  v4.forEach(add("ipv4"));
  v6.forEach(add("ipv6"));
  return list;
};

/** This host itself, link-local with the clouds' metadata, what is no address of one machine. */
const NEVER = listOf(
  [
    ...["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"],
    ...["100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"],
  ],
  ["::/127", "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128"],
);

/** Networks that are somebody's own. */
const PRIVATE = listOf(
  [
    ...["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16"],
    "198.18.0.0/15",
  ],
  ["fc00::/7", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"],
);

const ENGINE_PORTS: readonly number[] = [2375, 2376, 2377];

/** An IPv4 address in IPv6's clothes, undressed. */
const plain = (address: string): string => {
  const found = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (found?.[1] !== undefined) return found[1];
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
  if (hex === null) return address.replace(/%.*$/, "");
  const bits = Number.parseInt(hex[1] ?? "", 16) * 65_536 + Number.parseInt(hex[2] ?? "", 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
};

/** What an address is wanted for: the provider, an address of the allow list, or a name of it. */
export type Purpose = "provider" | "address" | "name";

/**
 * Why an agent may not have this address, that a name may have led to; undefined where it may. One on
 * the runner's own host it has only as its operator allows it, and nothing of the loopback but the
 * provider.
 *
 * @param asked the host as it was asked for
 */
export function refusal(
  { host, port }: Target,
  { ownHosts, bus, opens }: Surroundings,
  purpose: Purpose,
  asked: string = host,
): string | undefined {
  const address = plain(host);
  if (isIP(address) === 0) return `${host} is no address`;
  const type = isIPv4(address) ? "ipv4" : "ipv6";
  if (bus.some((one) => one.host === address && one.port === port)) return "it is the bus's";
  if (ENGINE_PORTS.includes(port)) return "such ports are engines'";
  const isLocal = isLoopback(address);
  if (isLocal || ownHosts.has(address) || ownHosts.has(asked)) {
    if (bus.some((one) => one.port === port)) return "it is the bus's port";
    const isMeant = purpose === "provider" || (purpose === "address" && !isLocal);
    return isMeant && opens({ host: asked, port }) ? undefined : "it is the runner's own host";
  }
  if (NEVER.check(address, type)) return "such addresses are closed to agents";
  if (purpose === "name" && PRIVATE.check(address, type)) {
    return "it is an address of a private network, which is allowed by the address itself only";
  }
  return undefined;
}

const isLoopback = (address: string) => address === "::1" || address.startsWith("127.");

import { hostname, networkInterfaces } from "node:os";

/** Names that engines give the host inside their containers. */
const ENGINE_NAMES = [
  "host.docker.internal",
  "host.containers.internal",
  "gateway.docker.internal",
];

/** Addresses and names by which a container may mean this host. Its loopback is the container's own. */
export function ownHosts(): ReadonlySet<string> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
  return new Set([...ENGINE_NAMES, hostname(), ...addresses]);
}

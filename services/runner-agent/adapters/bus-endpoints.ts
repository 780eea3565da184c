import { lookup } from "node:dns/promises";
import type { Endpoint } from "../phases/attempt-scope.ts";

const NATS_PORT = 4222;

/** Where the bus listens, as IPv4 addresses: what packet rules can name. */
export async function busEndpoints(servers: readonly string[]): Promise<readonly Endpoint[]> {
  const all = await Promise.all(
    servers.map(async (server) => {
      const { hostname, port } = new URL(server.includes("://") ? server : `nats://${server}`);
      const host = hostname.replace(/^\[|\]$/g, "");
      const found = await lookup(host, { family: 4, all: true });
      return found.map(({ address }) => ({ host: address, port: Number(port) || NATS_PORT }));
    }),
  );
  return all.flat();
}

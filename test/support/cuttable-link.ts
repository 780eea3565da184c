import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between clients and a server, as a network that can be cut. */
export interface CuttableLink {
  readonly port: number;
  /** From now on nothing passes either way, and nobody is told: as when a cable is pulled. */
  cut(): void;
  /** What was under way arrives, and everything after it. */
  mend(): void;
  close(): Promise<void>;
}

export async function cuttableLink(serverPort: number): Promise<CuttableLink> {
  const sockets = new Set<Socket>();
  const underWay: (() => void)[] = [];
  let isCut = false;

  const pass = (deed: () => void) => {
    if (isCut) underWay.push(deed);
    else deed();
  };
  const carry = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("data", (bytes) => pass(() => to.write(bytes)));
    from.on("close", () => {
      sockets.delete(from);
      pass(() => to.destroy());
    });
    // A connection that breaks tells so by closing.
    from.on("error", () => undefined);
  };
  const server = createServer((client) => {
    const upstream = connect(serverPort, "127.0.0.1");
    carry(client, upstream);
    carry(upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
    },
    mend() {
      isCut = false;
      for (const deed of underWay.splice(0)) deed();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

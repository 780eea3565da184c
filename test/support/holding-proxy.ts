import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands between a client and a server, and can keep the server's answers back. */
export interface HoldingProxy {
  readonly port: number;
  /** From now on nothing the server says arrives. */
  hold(): void;
  /** Hands over what was kept back, and holds no more. */
  release(): void;
  /** Resolves when the client has sent this text so often, counted from the beginning. */
  sent(text: string, times: number): Promise<void>;
  /** Whether the client has sent this text. */
  said(text: string): boolean;
  close(): Promise<void>;
}

export async function holdingProxy(serverPort: number): Promise<HoldingProxy> {
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  const looks = new Set<() => void>();
  let holding = false;
  let said = "";

  const server = createServer((client) => {
    const upstream = connect(serverPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
      // A connection that is cut tells so by closing.
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk) => {
      said += chunk.toString("latin1");
      upstream.write(chunk);
      for (const look of [...looks]) look();
    });
    upstream.on("data", (chunk) => {
      if (holding) held.push(() => client.write(chunk));
      else client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    hold() {
      holding = true;
    },
    release() {
      holding = false;
      for (const write of held.splice(0)) write();
    },
    sent: (text, times) =>
      new Promise((resolve) => {
        const look = () => {
          if (said.split(text).length - 1 < times) return;
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
      }),
    said: (text) => said.includes(text),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

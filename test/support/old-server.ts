import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/**
 * Greets like a nats-server of some version and answers pings. Old servers cannot be had offline;
 * what counts about them here is what they say of themselves.
 */
export async function serverOfVersion(
  version: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    const info = {
      server_id: "OLD",
      server_name: "old",
      version,
      proto: 1,
      go: "go1.19",
      host: "127.0.0.1",
      port: 4222,
      headers: true,
      max_payload: 1_048_576,
      jetstream: true,
      client_id: 1,
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (chunk) => {
      for (const line of chunk.toString().split("\r\n")) {
        if (line === "PING") socket.write("PONG\r\n");
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

import { connect, createServer, type Socket } from "node:net";

/** A TCP door to an engine's socket, some of whose connections can be cut. */
export interface EngineProxy {
  readonly address: string;
  /** Cuts the connections whose request line holds this text. */
  cut(request: string): void;
  close(): void;
}

export async function engineProxy(socketPath: string): Promise<EngineProxy> {
  const connections = new Map<Socket, string>();
  // The engine's streams end one way at a time.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: socketPath, allowHalfOpen: true });
    connections.set(client, "");
    client.once("data", (first) => connections.set(client, first.toString("latin1").slice(0, 500)));
    const end = () => {
      connections.delete(client);
      client.destroy();
      engine.destroy();
    };
    for (const side of [client, engine]) side.on("error", end).on("close", end);
    client.pipe(engine);
    engine.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    address: `tcp://127.0.0.1:${address.port}`,
    cut: (request) => {
      for (const [client, head] of connections) {
        if (head.split("\r\n")[0]?.includes(request)) client.destroy();
      }
    },
    close: () => {
      for (const client of connections.keys()) client.destroy();
      server.close();
    },
  };
}

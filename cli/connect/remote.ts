import { readFile } from "node:fs/promises";
import { natsBus } from "@pitaya/bus";
import type { Connection, ConnectOptions } from "./connection.port.ts";

const never = new Promise<never>(() => {});

/** A server of the user's, named by URL. The bus reconnects by itself. */
export async function connectRemote(options: ConnectOptions, url: string): Promise<Connection> {
  const client = `client-${options.nonce}`;
  const bus = await natsBus({ servers: url, name: client });
  return {
    bus,
    moved: new AbortController().signal,
    settled: async () => {},
    client,
    store: url,
    gone: never,
    submitted: async () => {},
    raiseSlots: async () => {},
    close: () => bus.close(),
  };
}
void readFile;

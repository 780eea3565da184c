import { natsBus, readCredential } from "@pitaya/bus";
import { PitayaError } from "@pitaya/protocol";
import type { Connection, ConnectOptions } from "./connection.port.ts";

/**
 * A server of the user's, named by URL. The bus reconnects by itself, so nothing ever moves.
 *
 * @throws {PitayaError} `usage` for a credential file that is none of a cli; as `natsBus`
 */
export async function connectRemote(options: ConnectOptions, url: string): Promise<Connection> {
  const { natsCreds, nonce } = options;
  const user = natsCreds === undefined ? undefined : await cliCredential(natsCreds);
  const client = user?.id ?? `client-${nonce}`;
  const bus = await natsBus({ servers: url, name: client, ...(user && { user }) });
  return {
    bus,
    moved: new AbortController().signal,
    settled: async () => {},
    client,
    store: withoutUser(url),
    gone: new Promise<never>(() => {}),
    submitted: async () => {},
    raiseSlots: async () => {},
    close: () => bus.close(),
  };
}

async function cliCredential(file: string) {
  const { role, id, seed } = await readCredential(file);
  if (role === "cli") return { id, seed };
  throw new PitayaError("usage", `${file} is a credential for the role ${role}, not for a cli`, {
    hint: "Name the credential file of a cli in PITAYA_NATS__CREDS.",
  });
}

/** An address to remember a server by: a password in it is not written down. */
function withoutUser(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

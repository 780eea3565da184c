import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";

/** A message as a server gives it back: unpacked, whatever it looks like on disk. */
export interface StoredBytes {
  readonly stream: string;
  readonly subject: string;
  readonly header: string;
  readonly payload: Uint8Array;
}

const NOT_FOUND = 10_037;

/**
 * Every message that a server has, of every stream, ours or not. For tests that look for what must
 * not be there; the server must let this user do everything.
 */
export async function* everythingStored(server: {
  readonly servers: string;
  readonly user: string;
  readonly pass: string;
}): AsyncGenerator<StoredBytes> {
  const connection = await connect(server);
  try {
    const manager = await jetstreamManager(connection);
    for await (const { config, state } of manager.streams.list()) {
      for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
        const stored = await manager.streams.getMessage(config.name, { seq }).catch((error) => {
          if (error instanceof JetStreamApiError && error.code === NOT_FOUND) return null;
          throw error;
        });
        if (stored === null) continue;
        const { subject, data: payload } = stored;
        yield { stream: config.name, subject, header: String(stored.header), payload };
      }
    }
  } finally {
    await connection.close();
  }
}

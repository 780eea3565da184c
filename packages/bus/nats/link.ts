import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { type NatsConnection, PermissionViolationError } from "@nats-io/transport-node";
import { INBOX_PREFIX, ProcessId } from "@pitaya/protocol";
import type { BusStatus } from "../bus.port.ts";
import { dial } from "./dial.ts";
import { REQUEST_TIMEOUT_MS } from "./patience.ts";

export type BusLog = (
  level: "info" | "warn",
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface LinkOptions {
  readonly servers: string | readonly string[];
  /** Shown in the server's list of connections. Without `user` also the id that blobs are written under. */
  readonly name: string;
  /** The process as its credential names it, and the seed of its nkey. */
  readonly user?: { readonly id: string; readonly seed: string };
  readonly tls?: {
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
  };
  readonly log?: BusLog;
}

/** One connection, and what became of it. */
export interface Link {
  readonly id: ProcessId;
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Where this account finds JetStream's own requests. */
  readonly apiPrefix: string;
  readonly inboxPrefix: string;
  /** Aborted once the connection is closed for good. */
  readonly closed: AbortSignal;
  readonly log: BusLog;
  status(): BusStatus;
  /** Calls back at each change, until the returned function is called. */
  onStatus(call: (status: BusStatus) => void): () => void;
  /** Calls back when the server refuses a subject. */
  onDenied(call: (subject: string) => void): () => void;
}

export async function openLink(options: LinkOptions): Promise<Link> {
  const id = ProcessId.parse(options.user?.id ?? options.name);
  const inboxPrefix = `${INBOX_PREFIX}${id}`;
  const { nc, apiPrefix } = await dial(options, inboxPrefix);
  const closing = new AbortController();
  const statusListeners = new Set<(status: BusStatus) => void>();
  const deniedListeners = new Set<(subject: string) => void>();
  const log = options.log ?? (() => undefined);
  let status: BusStatus = "connected";

  const become = (next: BusStatus, fields: Record<string, unknown> = {}) => {
    if (status === next) return;
    status = next;
    const expected = next === "connected" || (next === "closed" && fields["error"] === undefined);
    log(expected ? "info" : "warn", `bus ${next}`, { name: options.name, ...fields });
    if (next === "closed") closing.abort();
    for (const call of [...statusListeners]) call(next);
  };

  void (async () => {
    for await (const event of nc.status()) {
      if (event.type === "disconnect") become("disconnected", { server: event.server });
      else if (event.type === "reconnect") become("connected", { server: event.server });
      else if (event.type === "error" && event.error instanceof PermissionViolationError) {
        const { subject, operation } = event.error;
        log("warn", "bus refused a subject", { name: options.name, subject, operation });
        for (const call of [...deniedListeners]) call(subject);
      }
    }
  })();
  void nc.closed().then((error) => become("closed", error instanceof Error ? { error } : {}));

  const listen = <T>(listeners: Set<T>, call: T) => {
    listeners.add(call);
    return () => void listeners.delete(call);
  };
  return {
    id,
    nc,
    js: jetstream(nc, { apiPrefix, timeout: REQUEST_TIMEOUT_MS }),
    jsm: await jetstreamManager(nc, { apiPrefix, timeout: REQUEST_TIMEOUT_MS, checkAPI: false }),
    apiPrefix,
    inboxPrefix,
    closed: closing.signal,
    log,
    status: () => status,
    onStatus: (call) => listen(statusListeners, call),
    onDenied: (call) => listen(deniedListeners, call),
  };
}

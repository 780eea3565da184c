import { setTimeout as delay } from "node:timers/promises";
import {
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import {
  connect,
  type NatsConnection,
  nkeyAuthenticator,
  PermissionViolationError,
} from "@nats-io/transport-node";
import {
  GUEST_ACCOUNT_PREFIX,
  GUEST_JS_API,
  INBOX_PREFIX,
  JS_API,
  PitayaError,
  ProcessId,
} from "@pitaya/protocol";
import { z } from "zod";
import type { BusStatus } from "../bus.port.ts";
import { checkServerVersion } from "../server-version.rules.ts";
import { busError, Interrupted, isPassing } from "./failures.ts";

/** How long one request waits before it is repeated. */
export const REQUEST_TIMEOUT_MS = 2_000;

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;

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
  const nc = await dial(options, inboxPrefix);
  const apiPrefix = await apiPrefixOf(nc).catch(async (error: unknown) => {
    await nc.close();
    throw error;
  });
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

async function dial(options: LinkOptions, inboxPrefix: string): Promise<NatsConnection> {
  const servers = typeof options.servers === "string" ? [options.servers] : [...options.servers];
  try {
    return await connect({
      servers,
      name: options.name,
      inboxPrefix,
      timeout: 5_000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      pingInterval: 5_000,
      maxPingOut: 2,
      noAsyncTraces: true,
      ...(options.user === undefined
        ? {}
        : { authenticator: nkeyAuthenticator(new TextEncoder().encode(options.user.seed)) }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
  } catch (error) {
    const known = busError(error, "connect");
    if (known.code === "permission_denied") throw known;
    const why = error instanceof Error ? error.message : String(error);
    throw new PitayaError("bus_unavailable", `No NATS server at ${servers.join(", ")}: ${why}.`, {
      cause: error,
      hint: "Check the address, and that the server runs.",
    });
  }
}

/**
 * Runners and clis live in accounts of their own (see auth/server-config.ts), where the requests of
 * the account that has JetStream are imported under another name. The server tells which account it is.
 *
 * @throws `server_too_old`
 */
async function apiPrefixOf(nc: NatsConnection): Promise<string> {
  checkServerVersion(nc.info?.version ?? "unknown");
  if (nc.info?.auth_required !== true) return JS_API;
  const answer = await nc.request("$SYS.REQ.USER.INFO", "", { timeout: REQUEST_TIMEOUT_MS });
  const { account } = UserInfo.parse(answer.json()).data;
  return account.startsWith(GUEST_ACCOUNT_PREFIX) ? GUEST_JS_API : JS_API;
}

const UserInfo = z.object({ data: z.object({ account: z.string() }) });

/**
 * Waits for an answer, but no longer than the connection it was asked through lives: the client
 * leaves requests that were under way at a disconnect to their time-out.
 *
 * @throws {Interrupted} when the connection was lost or closed, or `signal` aborted
 */
export async function untilInterrupted<T>(
  link: Link,
  request: Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let stop = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    const interrupt = (why: string) => () => reject(new Interrupted(why));
    const lost = interrupt("the connection to the NATS server was lost");
    const aborted = interrupt("given up");
    const off = link.onStatus(lost);
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted === true) aborted();
    stop = () => {
      off();
      signal?.removeEventListener("abort", aborted);
    };
  });
  try {
    return await Promise.race([request, interrupted]);
  } finally {
    stop();
  }
}

export interface Patience {
  /** For messages: `store a decision`. */
  readonly doing: string;
  readonly signal?: AbortSignal;
  /** Gives up after this long; without it, when `signal` aborts or the connection is closed. */
  readonly forMs?: number;
}

/**
 * Repeats a request through time-outs, reconnects and servers that are not ready, until its answer
 * is known. The request must be one that may be made twice.
 *
 * @throws `bus_unavailable` when patience ends; whatever else the request failed with
 */
export async function untilAnswered<T>(
  link: Link,
  { doing, signal, forMs }: Patience,
  request: () => Promise<T>,
): Promise<T> {
  const ends = [link.closed, ...(signal === undefined ? [] : [signal])];
  if (forMs !== undefined) ends.push(AbortSignal.timeout(forMs));
  const ended = AbortSignal.any(ends);
  let pauseMs = FIRST_PAUSE_MS;
  while (true) {
    try {
      if (ended.aborted) throw new Interrupted("given up");
      return await untilInterrupted(link, request(), ended);
    } catch (error) {
      if (ended.aborted || !isPassing(error)) throw busError(error, doing);
    }
    await pause(pauseMs, ended);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** Ends early, and without an error, when `signal` aborts. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);

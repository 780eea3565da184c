import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { GUEST_ACCOUNT_PREFIX, GUEST_JS_API, JS_API, PitayaError } from "@pitaya/protocol";
import { z } from "zod";
import { checkServerVersion } from "../server-version.rules.ts";
import { busError, isDenied } from "./failures.ts";
import type { LinkOptions } from "./link.ts";

const CONNECT_TIMEOUT_MS = 5_000;

export interface Dialled {
  readonly nc: NatsConnection;
  /** Where this user's account finds JetStream's requests. */
  readonly apiPrefix: string;
}

/** @throws `bus_unavailable`, `permission_denied`, `server_too_old` */
export async function dial(options: LinkOptions, inboxPrefix: string): Promise<Dialled> {
  const servers = typeof options.servers === "string" ? [options.servers] : [...options.servers];
  const nc = await connected(options, servers, inboxPrefix);
  try {
    checkServerVersion(nc.info?.version ?? "unknown");
    return { nc, apiPrefix: await apiPrefixOf(nc) };
  } catch (error) {
    await nc.close();
    throw busError(error, "learn what this user may do");
  }
}

async function connected(
  options: LinkOptions,
  servers: string[],
  inboxPrefix: string,
): Promise<NatsConnection> {
  try {
    return await connect({
      servers,
      name: options.name,
      inboxPrefix,
      timeout: CONNECT_TIMEOUT_MS,
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

const UserInfo = z.object({ data: z.object({ account: z.string() }) });

/**
 * Runners and clis live in accounts of their own (see auth/server-config.ts), where the requests of
 * the account that has JetStream are imported under another name. The server tells which account
 * it is; one that does not say is not of our making, and its users share one account.
 */
async function apiPrefixOf(nc: NatsConnection): Promise<string> {
  if (nc.info?.auth_required !== true) return JS_API;
  try {
    const answer = await nc.request("$SYS.REQ.USER.INFO", "", { timeout: CONNECT_TIMEOUT_MS });
    const { account } = UserInfo.parse(answer.json()).data;
    return account.startsWith(GUEST_ACCOUNT_PREFIX) ? GUEST_JS_API : JS_API;
  } catch (error) {
    if (isDenied(error)) return JS_API;
    throw error;
  }
}

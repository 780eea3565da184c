import { lookup as resolve } from "node:dns/promises";
import { type Agent, Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { connect, isIP, type LookupFunction, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getCACertificates } from "node:tls";
import { type Purpose, refusal, type Surroundings } from "./addresses.rules.ts";
import type { Target } from "./allow-list.rules.ts";
import { outerProxyOf } from "./outer-proxy.rules.ts";

/** It is not for agents. */
export class Refused extends Error {}

/** Names that engines give their host. Where none is known, this process is on that host. */
const ENGINE_HOSTS = [
  "host.docker.internal",
  "host.containers.internal",
  "gateway.docker.internal",
];

/** Ways out of the gateway: past the runner's own proxy where its environment names one. */
export interface Outward {
  /** For calls to the provider, whose address the user chose. To be destroyed by who asked for it. */
  providerAgent(url: URL, extraCa: string | undefined): Agent;
  /** For plain calls to a host of an allow list. */
  plainAgent(url: URL, purpose: Purpose): Agent;
  /** A connection to a host of an allow list. @throws Refused */
  tunnel(target: Target, purpose: Purpose, signal: AbortSignal): Promise<Duplex>;
}

export function outward(
  env: Readonly<Record<string, string | undefined>>,
  surroundings: () => Surroundings,
): Outward {
  async function addressesOf(
    host: string,
  ): Promise<readonly { address: string; family: number }[]> {
    try {
      return await resolve(host, { all: true });
    } catch (error) {
      if (!ENGINE_HOSTS.includes(host)) throw error;
      return [{ address: "127.0.0.1", family: 4 }];
    }
  }

  /** Addresses of a host that agents may have. @throws Refused where there are none */
  async function allowed({ host, port }: Target, purpose: Purpose) {
    const about = surroundings();
    const found = await addressesOf(host);
    const reasons = found.map(({ address }) =>
      refusal({ host: address, port }, about, purpose, host),
    );
    const open = found.filter((_, index) => reasons[index] === undefined);
    if (open.length === 0)
      throw new Refused(`${host}:${port}: ${reasons[0] ?? "it has no address"}`);
    return open;
  }

  const lookupOf =
    (port: number, purpose: Purpose): LookupFunction =>
    (host, options, done) => {
      allowed({ host, port }, purpose).then(
        (open) => {
          const [first] = open;
          if (options.all || first === undefined) done(null, [...open]);
          else done(null, first.address, first.family);
        },
        (error: Error) => done(error, ""),
      );
    };

  function agentOf(url: URL, purpose: Purpose, ca: readonly string[] | undefined): Agent {
    const outer = outerProxyOf(url, env);
    const port = portOf(url);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    // No name is looked up where the host is an address, and behind a proxy the proxy looks it up.
    const reason = isIP(host) ? refusal({ host, port }, surroundings(), purpose) : undefined;
    if (reason !== undefined) throw new Refused(`${host}:${port}: ${reason}`);
    const options = {
      keepAlive: true,
      ...(ca !== undefined && { ca: [...ca] }),
      ...(outer === undefined
        ? { lookup: lookupOf(port, purpose) }
        : { proxyEnv: { HTTP_PROXY: outer.href, HTTPS_PROXY: outer.href } }),
    };
    return url.protocol === "http:" ? new HttpAgent(options) : new HttpsAgent(options);
  }

  async function tunnel(target: Target, purpose: Purpose, signal: AbortSignal): Promise<Duplex> {
    const authority = isIP(target.host) === 6 ? `[${target.host}]` : target.host;
    const outer = outerProxyOf(new URL(`https://${authority}:${target.port}`), env);
    if (outer === undefined) {
      const open = await allowed(target, purpose);
      return firstOf(open, target.port, signal);
    }
    if (isIP(target.host)) await allowed(target, purpose);
    return throughProxy(outer, `${authority}:${target.port}`, signal);
  }

  return {
    providerAgent: (url, extraCa) =>
      agentOf(
        url,
        "provider",
        extraCa === undefined ? undefined : [...getCACertificates(), extraCa],
      ),
    plainAgent: (url, purpose) => agentOf(url, purpose, undefined),
    tunnel,
  };
}

export const portOf = (url: URL): number =>
  Number(url.port) || (url.protocol === "http:" ? 80 : 443);

async function firstOf(
  addresses: readonly { readonly address: string }[],
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  let last: unknown;
  for (const { address } of addresses) {
    try {
      return await connected(connect({ host: address, port, allowHalfOpen: true }), signal);
    } catch (error) {
      last = error;
    }
    signal.throwIfAborted();
  }
  throw last;
}

function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  return new Promise((done, fail) => {
    const give = () => socket.destroy(new Error("it is no longer wanted"));
    signal.addEventListener("abort", give, { once: true });
    if (signal.aborted) give();
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      signal.removeEventListener("abort", give);
      done(socket);
    });
  });
}

function throughProxy(proxy: URL, authority: string, signal: AbortSignal): Promise<Duplex> {
  const { username, password } = proxy;
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const request = proxy.protocol === "http:" ? httpRequest : httpsRequest;
  return new Promise((done, fail) => {
    const asked = request({
      host: proxy.hostname.replace(/^\[|\]$/g, ""),
      port: portOf(proxy),
      method: "CONNECT",
      path: authority,
      signal,
      headers: {
        host: authority,
        ...(username !== "" && {
          "proxy-authorization": `Basic ${Buffer.from(user).toString("base64")}`,
        }),
      },
    });
    asked.once("error", fail);
    asked.once("response", (response) => {
      response.destroy();
      fail(new Error(`the proxy ${proxy.host} answered ${response.statusCode} for ${authority}`));
    });
    asked.once("connect", (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        fail(new Error(`the proxy ${proxy.host} answered ${response.statusCode} for ${authority}`));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      done(socket);
    });
    asked.end();
  });
}

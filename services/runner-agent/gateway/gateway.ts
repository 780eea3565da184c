import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { isIP } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { TokenUsage } from "@pitaya/plugins";
import type { Logger } from "pino";
import { PROXY_USER } from "../domain/gateway-visit.rules.ts";
import { GATEWAY } from "../ports/executor.port.ts";
import type { Purpose, Surroundings } from "./addresses.rules.ts";
import { allowedBy, parseTarget, type Target } from "./allow-list.rules.ts";
import { beginAnswer } from "./begin-answer.ts";
import { outward, portOf, Refused } from "./outward.ts";
import { answered, isPassed, passedOn, sendBody } from "./passed-on.rules.ts";
import { type Guest, type Pass, passes } from "./passes.ts";
import { callProvider } from "./provider-call.ts";
import { refuse, refuseRaw } from "./refusals.ts";

/** Requests of one connection that wait for their answer: a client sends one at a time. */
const MAX_WAITING = 4;

/**
 * The runner's proxy for what its agents may have of the network. Calls to an attempt's provider come
 * to `http://<gateway>/<token>/…`; the key is put in here. All else comes as to any proxy, with the
 * token as its password, and passes where the attempt's list allows it.
 */
export interface Gateway {
  /** Takes a connection that an agent made. */
  accept(connection: Duplex): void;
  /** From now on these requests pass; while `pass` is not there yet they wait. */
  admit(token: string, pass: Promise<Pass>): void;
  /** What the provider said it used for this attempt, since this process had it. */
  usageOf(token: string): TokenUsage | undefined;
  dismiss(token: string): void;
}

export interface GatewayOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Pick<Logger, "debug">;
  surroundings(): Surroundings;
  /** How long a token that nobody knows may be that of an attempt which is just taken up. 10,000. */
  readonly patienceMs?: number;
}

export function gateway(options: GatewayOptions): Gateway {
  const { log } = options;
  const guests = passes({ patienceMs: options.patienceMs ?? 10_000 });
  const out = outward(options.env, options.surroundings);

  // Its times have no effect on a server that listens nowhere: the relay bounds the connections.
  const server = createServer({ keepAliveTimeout: 0 });
  const waiting = new WeakMap<Duplex, number>();
  server.on("request", (request, response) => {
    const { socket } = request;
    const others = waiting.get(socket) ?? 0;
    if (others >= MAX_WAITING) return socket.destroy();
    waiting.set(socket, others + 1);
    response.once("close", () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    handle(request, response).catch((error: unknown) => {
      // No warning: an agent could fill the log with them.
      log.debug({ err: messageOf(error) }, "gateway: a request failed");
      if (response.headersSent) response.destroy();
      else refuse(response, statusOf(error), messageOf(error));
    });
  });
  server.on("connect", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    openTunnel(request, socket, head).catch((error: unknown) => {
      refuseRaw(socket, statusOf(error), messageOf(error));
    });
  });
  // A WebSocket, for one: who is told so at once comes again over plain HTTP.
  server.on("upgrade", (_: IncomingMessage, socket: Duplex) => {
    socket.on("error", () => socket.destroy());
    refuseRaw(socket, 426, "Only HTTP passes here.");
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "/";
    if (!isPassed(request)) return refuse(response, 405, "That method does not pass here.");
    if (url.startsWith("/")) return toProvider(url, request, response);
    const asked = URL.parse(url);
    if (asked?.protocol !== "http:")
      return refuse(response, 400, "That is no address for a proxy.");
    const isOurs = asked.hostname === GATEWAY.host && portOf(asked) === GATEWAY.port;
    if (isOurs) return toProvider(`${asked.pathname}${asked.search}`, request, response);
    return toHost(asked, request, response);
  }

  async function toProvider(
    url: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const [, token = "", path = ""] = /^\/([^/?]*)(.*)$/s.exec(url) ?? [];
    const guest = await guests.find(token);
    const pass = await guest?.pass;
    if (guest === undefined || pass === undefined) {
      return refuse(response, 403, "This attempt is over, or was never here.");
    }
    const { provider } = pass;
    if (provider === undefined) return refuse(response, 404, "This attempt has no provider.");
    guest.agent ??= out.providerAgent(new URL(provider.url), pass.extraCa);
    track(guest, request.socket);
    await callProvider(request, response, {
      ...{ guest, provider, path, agent: guest.agent },
      onTrouble: (err) =>
        log.debug({ err: err.message }, "gateway: a call to a provider broke off"),
    });
  }

  async function toHost(
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const guest = await guestOf(request);
    if (guest === undefined) return refuse(response, 407, "Which attempt is it?");
    const target = { host: url.hostname.replace(/^\[|\]$/g, ""), port: portOf(url) };
    const entry = allowedBy((await guest.pass).allow, target);
    if (entry === undefined) return refuse(response, 403, notAllowed(target));
    track(guest, request.socket);
    const agent = out.plainAgent(url, purposeOf(entry));
    const call = httpRequest(url, {
      ...{
        method: request.method ?? "GET",
        headers: { ...passedOn(request), host: url.host },
        agent,
      },
    });
    call.on("error", (error) => {
      request.unpipe(call);
      request.resume();
      if (response.headersSent) response.destroy();
      else refuse(response, statusOf(error), messageOf(error));
    });
    call.on("response", (answer) => {
      if (beginAnswer(response, answer, answered(answer.headers))) {
        pipeline(answer, response, () => undefined);
      } else answer.destroy();
    });
    response.on("close", () => {
      call.destroy();
      agent.destroy();
    });
    sendBody(request, call);
  }

  async function openTunnel(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const guest = await guestOf(request);
    if (guest === undefined) return refuseRaw(socket, 407, "Which attempt is it?");
    const { host, port } = parseTarget(request.url ?? "") ?? {};
    if (host === undefined || port === undefined) {
      return refuseRaw(socket, 400, "A tunnel leads to a host and a port.");
    }
    const target = { host, port };
    const entry = allowedBy((await guest.pass).allow, target);
    if (entry === undefined) return refuseRaw(socket, 403, notAllowed(target));
    track(guest, socket);
    const left = new AbortController();
    socket.once("close", () => left.abort());
    const far = await out.tunnel(target, purposeOf(entry), left.signal);
    far.on("error", () => socket.destroy());
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (head.length > 0) far.write(head);
    socket.pipe(far).pipe(socket);
    socket.on("close", () => far.destroy());
    far.on("close", () => socket.destroy());
  }

  async function guestOf(request: IncomingMessage): Promise<Guest | undefined> {
    const [, encoded = ""] =
      /^Basic (.+)$/i.exec(request.headers["proxy-authorization"] ?? "") ?? [];
    const [user, token = ""] = Buffer.from(encoded, "base64").toString().split(":", 2);
    return user === PROXY_USER ? guests.find(token) : undefined;
  }

  return {
    accept(connection) {
      connection.on("error", () => connection.destroy());
      server.emit("connection", connection);
    },
    admit: guests.admit,
    usageOf: (token) => guests.known(token)?.usage,
    dismiss: guests.dismiss,
  };
}

function track({ connections }: Guest, connection: Duplex): void {
  if (connections.has(connection)) return;
  connections.add(connection);
  connection.once("close", () => connections.delete(connection));
}

const purposeOf = (entry: string): Purpose =>
  isIP(parseTarget(entry)?.host ?? "") === 0 ? "name" : "address";

const notAllowed = ({ host, port }: Target): string =>
  `${host}:${port} is not in runner.network_allow.`;

const statusOf = (error: unknown): number => (error instanceof Refused ? 403 : 502);

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

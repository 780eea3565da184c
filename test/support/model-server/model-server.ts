import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { anthropicMessages } from "./anthropic-messages.ts";
import { chatCompletions } from "./chat-completions.ts";
import { gemini } from "./gemini.ts";
import type { Answer, ModelApi } from "./model-api.ts";
import { openaiResponses } from "./openai-responses.ts";
import {
  isTrouble,
  type ModelRequest,
  nextStep,
  type Reply,
  type Scenario,
  type Step,
  scriptName,
  scriptOfName,
  type Trouble,
} from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const CREDENTIAL_HEADERS = ["x-api-key", "x-goog-api-key", "authorization"] as const;
type CredentialHeader = (typeof CREDENTIAL_HEADERS)[number];

/** A request as it came in, for assertions. */
export interface RecordedRequest extends ModelRequest {
  readonly scenario: string;
  readonly id: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the agent authenticated with, as it sent it. */
  readonly credential?: { readonly header: CredentialHeader; readonly value: string };
  readonly body: unknown;
  readonly answer: Step;
}

export interface ModelServerOptions {
  /** Address to listen on: 0.0.0.0 for agents in containers. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Scenarios beside the built-in ones. */
  readonly scenarios?: Readonly<Record<string, Scenario>>;
}

export interface ModelServer {
  readonly port: number;
  /**
   * Base URL for one agent. `id` separates agents: their `times` counters and their requests.
   * @param host as the agent reaches this server; default: the address listened on
   */
  url(scenario: string | Scenario, id: string, host?: string): string;
  /** Requests for a model's turn under this id so far, in order of arrival. */
  requests(id: string): readonly RecordedRequest[];
  /** Settles when this id has made `count` requests; at once if it has. */
  requested(id: string, count: number): Promise<readonly RecordedRequest[]>;
  /** Ends every connection, also those it keeps hanging on purpose. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Kept for assertions; a demo that runs for long must not grow. */
const MAX_KEPT_REQUESTS = 5_000;
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_HEADER_BYTES = 256 * 1024;

const APIS: readonly ModelApi[] = [anthropicMessages, openaiResponses, gemini, chatCompletions];

const newId = () => randomBytes(12).toString("hex");

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error(`the body is over ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "request-id": `req_${newId()}`,
    ...headers,
  });
  response.end(JSON.stringify(body));
}

const beginEvents = (response: ServerResponse) =>
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "request-id": `req_${newId()}`,
  });

const written = (response: ServerResponse, text: string) =>
  new Promise<void>((settle) => response.write(text, () => settle()));

async function sendReply(
  response: ServerResponse,
  api: ModelApi,
  request: ModelRequest,
  reply: Reply,
  signal: AbortSignal,
): Promise<void> {
  if (reply.beforeMs) await delay(reply.beforeMs, undefined, { signal });
  const { whole, events } = api.answer(reply, request, newId);
  if (!request.stream) return sendJson(response, 200, whole);
  beginEvents(response);
  for (const text of events) {
    response.write(text);
    if (reply.betweenMs) await delay(reply.betweenMs, undefined, { signal });
  }
  response.end();
}

/** Sends the first part of an answer, whatever form was asked for. */
async function sendBeginning(response: ServerResponse, request: ModelRequest, answer: Answer) {
  if (request.stream) {
    beginEvents(response);
    await written(response, answer.unfinished.join(""));
  } else {
    const text = JSON.stringify(answer.whole);
    response.writeHead(200, { "content-type": "application/json" });
    await written(response, text.slice(0, text.length / 2));
  }
}

async function sendTrouble(
  response: ServerResponse,
  api: ModelApi,
  request: ModelRequest,
  trouble: Trouble,
) {
  if ("hang" in trouble) return;
  if ("error" in trouble) {
    const { status, headers } = trouble.error;
    return sendJson(response, status, api.errorBody(trouble.error), headers);
  }
  if ("streamError" in trouble && !request.stream) {
    return sendJson(response, 500, api.errorBody({ status: 500, ...trouble.streamError }));
  }
  const said = "stall" in trouble ? trouble.stall : "cut" in trouble ? trouble.cut : "";
  await sendBeginning(response, request, api.answer({ text: said }, request, newId));
  if ("cut" in trouble) response.destroy();
  if ("streamError" in trouble) {
    const { type, message } = trouble.streamError;
    response.end(api.errorEvent(type, message));
  }
}

/** What is no request of a model's turn at all is refused in one form for all. */
const refused = (type: string, message: string) => ({ type: "error", error: { type, message } });

function credentialOf(headers: IncomingMessage["headers"]): RecordedRequest["credential"] {
  for (const header of CREDENTIAL_HEADERS) {
    const value = headers[header];
    if (typeof value === "string") return { header, value };
  }
  return undefined;
}

/**
 * A model provider that follows scripts, for agent CLIs in tests and in the demo. Its base URLs are
 * `http://HOST:PORT/s/<scenario>/<id>`, where `<scenario>` is a built-in's name, one registered
 * here, or a script itself ({@link scriptName}).
 */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const named = new Map<string, Scenario>(
    Object.entries({ ...SCENARIOS, ...(options.scenarios ?? {}) }),
  );
  const kept: RecordedRequest[] = [];
  const met = new Map<string, number>();
  const waiting = new Set<() => void>();
  const closing = new AbortController();

  const scenarioOf = (name: string) => named.get(name) ?? scriptOfName(name);

  function record(request: RecordedRequest) {
    kept.push(request);
    if (kept.length > MAX_KEPT_REQUESTS) kept.shift();
    for (const check of waiting) check();
  }

  async function takeTurn(
    request: IncomingMessage,
    response: ServerResponse,
    api: ModelApi,
    place: { scenario: string; id: string; path: string },
  ) {
    const scenario = scenarioOf(place.scenario);
    if (scenario === undefined) {
      const known = [...named.keys()].join(", ");
      const message = `no scenario ${place.scenario}; known: ${known}`;
      return sendJson(response, 404, refused("not_found_error", message));
    }
    const body = await bodyOf(request);
    const asked = api.read(body, place.path);
    const answer = nextStep(scenario, asked, (index) => {
      const counter = `${place.scenario} ${place.id} ${index}`;
      const count = (met.get(counter) ?? 0) + 1;
      met.set(counter, count);
      return count;
    });
    const credential = credentialOf(request.headers);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    record({ ...asked, ...place, headers, body, answer, ...(credential && { credential }) });
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const signal = AbortSignal.any([closing.signal, gone.signal]);
    await (isTrouble(answer)
      ? sendTrouble(response, api, asked, answer)
      : sendReply(response, api, asked, answer, signal));
  }

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const { pathname } = new URL(request.url ?? "/", "http://server");
    const [root, scenario, id, ...rest] = pathname.slice(1).split("/").map(decodeURIComponent);
    const path = rest.join("/");
    if (root !== "s" || !scenario || !id) {
      const message = `expected /s/<scenario>/<id>/…, got ${pathname}`;
      return sendJson(response, 404, refused("not_found_error", message));
    }
    if (request.method === "HEAD") return void response.writeHead(200).end();
    const api = request.method === "POST" && APIS.find(({ serves }) => serves(path));
    if (api) return takeTurn(request, response, api, { scenario, id, path });
    sendJson(response, 404, refused("not_found_error", `no ${request.method} ${path} here`));
  }

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      // An agent that left, or a server that closes, ends a turn half way: nobody is there to tell.
      if (response.destroyed || closing.signal.aborted) return response.destroy();
      const message = error instanceof Error ? error.message : String(error);
      if (response.headersSent) return response.destroy();
      sendJson(response, 400, refused("invalid_request_error", message));
    });
  });
  await new Promise<void>((settle, fail) => {
    server.once("error", fail);
    server.listen(options.port, options.host, settle);
  });
  const { port } = server.address() as AddressInfo;
  const defaultHost = options.host === "0.0.0.0" ? "127.0.0.1" : options.host;

  function nameOf(scenario: string | Scenario): string {
    if (typeof scenario === "string") return scenario;
    if (typeof scenario !== "function") return scriptName(scenario);
    const name = `function-${named.size}`;
    named.set(name, scenario);
    return name;
  }

  const requests = (id: string) => kept.filter((request) => request.id === id);

  async function close() {
    closing.abort();
    const closed = new Promise<void>((settle) => server.close(() => settle()));
    server.closeAllConnections();
    await closed;
  }

  return {
    port,
    requests,
    close,
    [Symbol.asyncDispose]: close,
    url(scenario, id, host = defaultHost) {
      const path = [nameOf(scenario), id].map(encodeURIComponent).join("/");
      return `http://${host}:${port}/s/${path}`;
    },
    requested(id, count) {
      return new Promise((settle) => {
        const check = () => {
          const found = requests(id);
          if (found.length < count) return;
          waiting.delete(check);
          settle(found);
        };
        waiting.add(check);
        check();
      });
    },
  };
}

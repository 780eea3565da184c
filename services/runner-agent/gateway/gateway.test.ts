import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import pino from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { type Gateway, type GatewayOptions, gateway } from "./gateway.ts";
import type { Pass } from "./passes.ts";

const PLACEHOLDER = "pitaya-placeholder-0-token";
const KEY = "sk-the-real-key";

const servers: { close(): unknown }[] = [];
const sockets = new Set<Socket>();
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets) socket.destroy();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A gateway whose agents come to a port of this host. */
async function opened(options: Partial<GatewayOptions> = {}) {
  const own: Gateway = gateway({
    env: {},
    log: pino({ level: "silent" }),
    surroundings: () => ({ ownHosts: new Set(), bus: [], opens: () => true }),
    patienceMs: 1,
    ...options,
  });
  const port = await listening(createTcpServer({ allowHalfOpen: true }, own.accept));
  return { own, port };
}

const providerAt = (port: number, more: Partial<NonNullable<Pass["provider"]>> = {}): Pass => ({
  allow: [],
  provider: {
    url: `http://127.0.0.1:${port}/base`,
    keys: [{ placeholder: PLACEHOLDER, value: KEY }],
    speaksChatOnly: false,
    ...more,
  },
});

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;
const provider = (answer: Answer) => listening(createServer(answer));

/** A gateway before a provider that notes which requests it had. */
async function noting() {
  const seen: string[] = [];
  const upstream = await provider((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => response.end("done"));
  });
  const { own, port } = await opened();
  own.admit("token", Promise.resolve(providerAt(upstream)));
  return { seen, port };
}

const ask = (port: number, path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${port}${path}`, init);

/** What comes back for these bytes, until the gateway has nothing more to say. */
async function spoken(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  sockets.add(socket);
  socket.on("error", () => undefined);
  socket.write(bytes);
  let text = "";
  return new Promise((done) => {
    socket.on("close", () => done(text));
    socket.on("data", (part) => {
      text += part;
      if (/\r\n\r\n.*(done|\})/s.test(text)) socket.destroy();
    });
  });
}

/** Asks a proxy for a tunnel. */
async function tunnel(port: number, target: string, token = "token") {
  const password = Buffer.from(`pitaya:${token}`).toString("base64");
  const asked = request({
    ...{ host: "127.0.0.1", port, method: "CONNECT", path: target },
    headers: { "proxy-authorization": `Basic ${password}` },
  });
  asked.end();
  const [response, socket, head] = (await once(asked, "connect")) as [
    IncomingMessage,
    Socket,
    Buffer,
  ];
  sockets.add(socket);
  return { status: response.statusCode, socket, head: head.toString() };
}

describe("a call to the provider", () => {
  it("has the real key there, and its usage is counted", async () => {
    const seen: unknown[] = [];
    const upstream = await provider((request, response) => {
      seen.push([request.method, request.url, request.headers["x-api-key"], request.headers.host]);
      response.setHeader("content-type", "application/json");
      response.setHeader("request-id", "r1");
      response.end(JSON.stringify({ usage: { input_tokens: 3, output_tokens: 4 } }));
    });
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(upstream)));
    const headers = { "x-api-key": PLACEHOLDER };
    for (let n = 0; n < 2; n += 1) {
      const answer = await ask(port, "/token/v1/messages?beta=true", {
        method: "POST",
        body: "{}",
        headers,
      });
      expect([answer.status, answer.headers.get("request-id")]).toEqual([200, "r1"]);
      await answer.json();
    }
    const one = ["POST", "/base/v1/messages?beta=true", KEY, `127.0.0.1:${upstream}`];
    expect(seen).toEqual([one, one]);
    expect(own.usageOf("token")).toMatchObject({ inputTokens: 6, outputTokens: 8 });
  });

  it("has its answer piece by piece, and an answer that breaks off breaks off", async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const upstream = await provider((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: one\n\n");
      asked.resolve(response);
    });
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(upstream)));
    const answer = await ask(port, "/token/v1/messages");
    const reader = answer.body?.getReader();
    const next = async () => Buffer.from((await reader?.read())?.value ?? "").toString();
    expect(await next()).toBe("data: one\n\n");
    const response = await asked.promise;
    response.write("data: two\n\n");
    expect(await next()).toBe("data: two\n\n");
    response.destroy();
    await expect(next()).rejects.toThrow();
  });

  it.each([401, 200])("brings no key back where the provider repeats it: %d", async (status) => {
    const upstream = await provider((request, response) => {
      const key = String(request.headers["x-api-key"]);
      const said = JSON.stringify({ error: `bad key ${key}` });
      response.writeHead(status, { "retry-after": "3", "content-length": said.length, echo: key });
      response.write(said.slice(0, 20));
      response.end(said.slice(20));
    });
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(upstream)));
    const answer = await ask(port, "/token/v1", { headers: { "x-api-key": PLACEHOLDER } });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([status, "3"]);
    expect(answer.headers.get("echo")).toBe(PLACEHOLDER);
    expect(await answer.json()).toEqual({ error: `bad key ${PLACEHOLDER}` });
  });

  const INNER =
    "POST /smuggled HTTP/1.1\r\nHost: z\r\nx-api-key: evil\r\nContent-Length: 0\r\n\r\n";
  it.each([
    ["a chunked GET", "GET", ["Transfer-Encoding: chunked"]],
    ["a chunked DELETE", "DELETE", ["Transfer-Encoding: chunked"]],
    [
      "a length that is hidden",
      "GET",
      [`Content-Length: ${INNER.length}`, "Connection: content-length"],
    ],
  ])("arrives as one request, whatever its body holds: %s", async (_, method, headers) => {
    const { seen, port } = await noting();
    const isChunked = headers[0]?.startsWith("Transfer");
    const body = isChunked ? `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n` : INNER;
    expect(
      await spoken(
        port,
        `${method} /token/a HTTP/1.1\r\nHost: x\r\n${headers.join("\r\n")}\r\n\r\n${body}`,
      ),
    ).toContain("done");
    expect(await (await ask(port, "/token/b")).text()).toBe("done");
    expect(seen).toEqual([`${method} /base/a`, "GET /base/b"]);
  });

  it("sends no body beside its headers, however many of those there are", async () => {
    const { seen, port } = await noting();
    const head = `GET /token/a HTTP/1.1\r\nHost: x\r\n${"a:\r\n".repeat(1500)}`;
    const chunk = `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`;
    await spoken(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk}`);
    expect(await (await ask(port, "/token/b")).text()).toBe("done");
    expect(seen).not.toContain("POST /smuggled");
  });

  it("is refused in another protocol's words", async () => {
    const { port } = await opened();
    expect(await spoken(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).not.toMatch(/^HTTP\/1.1 2/);
  });

  it("is refused where it is too large together with others, and they are answered", async () => {
    const begun = Promise.withResolvers<ServerResponse>();
    const completion = '{"choices":[{"message":{"content":"hello"}}]}';
    let calls = 0;
    const upstream = await provider((request, response) => {
      response.setHeader("content-type", "application/json");
      calls += 1;
      const answer = calls === 1 ? begun.resolve : () => response.end(completion);
      request.resume().on("end", () => answer(response));
    });
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(upstream, { speaksChatOnly: true })));
    const sized = (megabytes: number) =>
      ask(port, "/token/responses", {
        method: "POST",
        body: JSON.stringify({ input: "x".repeat(megabytes * 1024 * 1024) }),
      });
    const first = sized(20);
    const response = await begun.promise;
    expect((await sized(45)).status).toBe(413);
    response.end(completion);
    expect(await (await first).text()).toContain("hello");
    expect((await sized(45)).status).toBe(200);
  });

  it("is no TRACE, which would say the key", async () => {
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(1)));
    expect(await spoken(port, "TRACE /token/a HTTP/1.1\r\nHost: x\r\n\r\n")).toMatch(
      /^HTTP\/1.1 405 /,
    );
  });

  it.each(["099", "000", "700"])(
    "is refused where it is answered with status %s",
    async (status) => {
      const upstream = await listening(
        createTcpServer((socket) => {
          socket.on("error", () => undefined);
          socket.once("data", () =>
            socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`),
          );
        }),
      );
      const { own, port } = await opened();
      own.admit("token", Promise.resolve(providerAt(upstream)));
      expect((await ask(port, "/token/v1")).status).toBe(502);
    },
  );

  it("of a connection that sends them without waiting for answers ends with it", async () => {
    const { own, port } = await opened({ patienceMs: 60_000 });
    own.admit("token", Promise.resolve(providerAt(1)));
    const many = "GET /nobody HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
    expect(await spoken(port, many)).toBe("");
  });

  it.each([500, 200])(
    "breaks off with the provider's answer, translated or not: %d",
    async (status) => {
      const upstream = await provider((_, response) => {
        response.writeHead(status, { "content-type": "application/json", "content-length": "100" });
        response.write("{", () => response.destroy());
      });
      const { own, port } = await opened();
      own.admit("token", Promise.resolve(providerAt(upstream, { speaksChatOnly: true })));
      const answer = ask(port, "/token/responses", { method: "POST", body: "{}" });
      await expect(answer.then((one) => one.text())).rejects.toThrow();
    },
  );

  it("ends at the provider when the agent leaves", async () => {
    const closed = Promise.withResolvers<void>();
    const upstream = await provider((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: one\n\n");
      response.on("close", closed.resolve);
    });
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(upstream)));
    const leaving = new AbortController();
    await ask(port, "/token/v1/messages", { signal: leaving.signal });
    leaving.abort();
    await closed.promise;
  });

  it("waits for the key, and tells who cannot be reached", async () => {
    const { own, port } = await opened();
    const { promise, resolve } = Promise.withResolvers<Pass>();
    own.admit("token", promise);
    const asking = () =>
      ask(port, "/token/v1/messages", { method: "POST", body: "x".repeat(3_000_000) });
    const answer = asking();
    resolve(providerAt(1));
    expect((await answer).status).toBe(502);
    expect(await (await answer).text()).toContain("127.0.0.1:1 cannot be reached");
    // Each of them, also over a connection that had such an answer before.
    for (let n = 0; n < 5; n += 1) {
      const again = await asking();
      expect([again.status, (await again.text()).length > 0]).toEqual([502, true]);
    }
  });

  it("is refused without a token that is known, and once its attempt is over", async () => {
    const upstream = await provider((_, response) => response.end("hello"));
    const { own, port } = await opened();
    expect((await ask(port, "/other/v1")).status).toBe(403);
    own.admit("token", Promise.resolve(providerAt(upstream)));
    expect(await (await ask(port, "/token/v1")).text()).toBe("hello");
    own.dismiss("token");
    expect((await ask(port, "/token/v1")).status).toBe(403);
  });

  it("goes on over HTTP where the agent wanted a WebSocket", async () => {
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(1)));
    const asked = request({
      ...{ host: "127.0.0.1", port, path: "/token/responses" },
      headers: { connection: "upgrade", upgrade: "websocket" },
    });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(426);
    response.resume();
  });

  it("of Responses is made as chat completions where the provider has nothing else", async () => {
    const seen: unknown[] = [];
    const upstream = await provider(async (request, response) => {
      let text = "";
      for await (const part of request) text += part;
      const body = JSON.parse(text);
      seen.push([request.url, request.headers.authorization, body.messages]);
      if (body.model === "none") {
        response.writeHead(404, { "content-type": "application/json" });
        response.end('{"error":{"message":"no such model"}}');
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      const chunk = { choices: [{ delta: { content: "Hi." }, finish_reason: "stop" }] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      response.end(
        'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
      );
    });
    const { own, port } = await opened();
    own.admit("token", Promise.resolve(providerAt(upstream, { speaksChatOnly: true })));
    const call = (model: string) =>
      ask(port, "/token/responses", {
        method: "POST",
        headers: { authorization: `Bearer ${PLACEHOLDER}`, "content-type": "application/json" },
        body: JSON.stringify({ model, stream: true, input: "hello" }),
      });
    const text = await (await call("m1")).text();
    expect(text).toMatch(/event: response.output_text.delta\n.*"Hi\."[\s\S]*response.completed/);
    const messages = [{ role: "user", content: "hello" }];
    expect(seen).toEqual([["/base/chat/completions", `Bearer ${KEY}`, messages]]);
    expect(own.usageOf("token")).toMatchObject({ inputTokens: 5, outputTokens: 2 });
    const refused = await call("none");
    expect([refused.status, await refused.text()]).toEqual([
      404,
      '{"error":{"message":"no such model"}}',
    ]);
  });
});

describe("all else", () => {
  const allowing = (...allow: string[]): Promise<Pass> => Promise.resolve({ allow });

  it("passes where the list says so, through the runner's own proxy if there is one", async () => {
    const outer = createServer((request, response) => response.end(`plain ${request.url}`));
    outer.on("connect", ({ url, headers }: IncomingMessage, socket: Socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.write(`${url} ${headers["proxy-authorization"]}\n`);
      socket.pipe(socket);
    });
    const proxy = `http://user:word@127.0.0.1:${await listening(outer)}`;
    const { own, port } = await opened({ env: { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } });
    own.admit("token", allowing("*.allowed.example", "plain.example:8080"));
    const { status, socket, head } = await tunnel(port, "a.allowed.example:443");
    const login = Buffer.from("user:word").toString("base64");
    const first = head || String((await once(socket, "data"))[0]);
    expect([status, first]).toEqual([200, `a.allowed.example:443 Basic ${login}\n`]);
    socket.write("and back");
    expect(String((await once(socket, "data"))[0])).toBe("and back");
    const closed = once(socket, "close");
    own.dismiss("token");
    await closed;

    own.admit("token", allowing("plain.example:8080"));
    const asked = request({
      ...{ host: "127.0.0.1", port, path: "http://plain.example:8080/x" },
      headers: { "proxy-authorization": `Basic ${Buffer.from("pitaya:token").toString("base64")}` },
    });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    expect(String((await once(response, "data"))[0])).toBe("plain http://plain.example:8080/x");
  });

  it.each([
    ["a host that is not in the list", "other.example:443", "token", 403],
    ["a name that leads to the runner's host", "localhost:443", "token", 403],
    ["the loopback, though it was allowed", "127.0.0.1:443", "token", 403],
    ["the metadata address, though it was allowed", "169.254.169.254:80", "token", 403],
    ["nobody's token", "localhost:443", "other", 407],
    ["what is no target", "localhost", "token", 400],
  ])("is refused to %s", async (_, target, token, status) => {
    const { own, port } = await opened();
    own.admit("token", allowing("localhost", "127.0.0.1", "169.254.169.254"));
    expect((await tunnel(port, target, token)).status).toBe(status);
  });

  it("is refused as a tunnel is, where it is asked for without one", async () => {
    const { own, port } = await opened();
    own.admit("token", allowing("127.0.0.1", "localhost"));
    const login = Buffer.from("pitaya:token").toString("base64");
    for (const host of ["127.0.0.1", "localhost"]) {
      const head = `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nProxy-Authorization: Basic ${login}`;
      expect(await spoken(port, `${head}\r\n\r\n`)).toMatch(/^HTTP\/1.1 403 /);
    }
  });

  it("is refused by its name in words", async () => {
    const { own, port } = await opened();
    own.admit("token", allowing());
    const socket = connect(port, "127.0.0.1");
    sockets.add(socket);
    const login = Buffer.from("pitaya:token").toString("base64");
    socket.write(
      `CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\nProxy-Authorization: Basic ${login}\r\n\r\n`,
    );
    let text = "";
    for await (const part of socket) text += part;
    expect(text).toMatch(/^HTTP\/1.1 403 .*a\.example:443 is not in runner\.network_allow/s);
  });
});

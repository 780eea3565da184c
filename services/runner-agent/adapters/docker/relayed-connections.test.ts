import { once } from "node:events";
import { createServer } from "node:http";
import { type ClientHttp2Session, connect, performServerHandshake } from "node:http2";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { acceptRelayed } from "./relayed-connections.ts";

const open: { destroy(): unknown }[] = [];
afterEach(() => {
  for (const session of open.splice(0)) session.destroy();
});

/** The relay's end of a session whose connections go to an HTTP server. */
async function relay(answer: string): Promise<ClientHttp2Session> {
  const [near, far] = duplexPair();
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-length": answer.length, connection: "close" });
    response.write(Buffer.from(answer));
    response.end();
  });
  const session = performServerHandshake(far);
  session.on("error", () => session.destroy());
  acceptRelayed(session, (connection) => {
    connection.on("error", () => connection.destroy());
    server.emit("connection", connection);
  });
  const client = connect("http://gateway", { createConnection: () => near });
  client.on("error", () => client.destroy());
  open.push(session, client);
  await once(client, "remoteSettings");
  return client;
}

const CONNECT = { ":method": "CONNECT", ":authority": "gateway" };

function ask(client: ClientHttp2Session): Promise<string> {
  const stream = client.request(CONNECT);
  stream.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  return text(stream);
}

it("brings answers byte for byte, headers and bodies written at once", async () => {
  const answer = "the whole of what was said ".repeat(4);
  const client = await relay(answer);
  for (let round = 0; round < 20; round += 1) {
    const said = await Promise.all(Array.from({ length: 5 }, () => ask(client)));
    for (const each of said) {
      expect(each).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(each.endsWith(answer)).toBe(true);
    }
  }
});

it("survives whoever connects and leaves at once", async () => {
  const client = await relay("here");
  for (let n = 0; n < 200; n += 1) {
    const stream = client.request(CONNECT);
    stream.on("error", () => undefined);
    if (n % 2 === 0) stream.close();
    else stream.destroy();
  }
  expect(await ask(client)).toContain("here");
});

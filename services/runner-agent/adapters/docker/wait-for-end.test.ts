import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Docker from "dockerode";
import { expect, it, onTestFinished } from "vitest";
import { waitForEnd } from "./wait-for-end.ts";

/** An engine that answers each request for a container's end in the next of these ways. */
async function engineThat(...ways: ("dies" | "answers" | "knows nothing")[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const way = ways.shift();
    if (way === "knows nothing") return void response.writeHead(404).end("{}");
    response.writeHead(200, { "content-type": "application/json" });
    if (way === "answers") return void response.end('{"StatusCode":7}');
    response.flushHeaders();
    setImmediate(() => request.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const engine = new Docker({ protocol: "http", host: "127.0.0.1", port });
  return { asked, container: engine.getContainer("c") };
}

it("asks an engine again that ended while it was waited for", async () => {
  const { container, asked } = await engineThat("dies", "answers");
  expect(await waitForEnd(container, new AbortController().signal)).toBe(7);
  expect(asked).toEqual(Array(2).fill("POST /containers/c/wait?condition=not-running"));
});

it("learns that a container was removed meanwhile from an engine that ended", async () => {
  const { container, asked } = await engineThat("dies", "knows nothing");
  const removed = waitForEnd(container, new AbortController().signal, "removed");
  await expect(removed).rejects.toMatchObject({ statusCode: 404 });
  expect(asked).toEqual(Array(2).fill("POST /containers/c/wait?condition=removed"));
});

it("takes an engine at its word, and goes when nobody waits any more", async () => {
  const { container } = await engineThat("knows nothing");
  await expect(waitForEnd(container, new AbortController().signal)).rejects.toMatchObject({
    statusCode: 404,
  });
  const left = new AbortController();
  const waiting = waitForEnd(container, left.signal);
  left.abort();
  await expect(waiting).rejects.toThrow();
});

import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { connectEngine } from "./engine.ts";
import { imagePull } from "./image-pull.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** An engine that answers a pull in this way. */
async function engineThat(answers: RequestListener) {
  server = createServer(answers).listen(0, "127.0.0.1");
  await once(server, "listening");
  return connectEngine(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
const line = (said: unknown) => `${JSON.stringify(said)}\r\n`;

it("an image is asked for once, by the name and tag that are meant", async () => {
  const asked: string[] = [];
  const engine = await engineThat((request, response) => {
    asked.push(request.url ?? "");
    response.write(line({ status: "Pulling from a/b" }));
    response.end(line({ status: "Status: Downloaded newer image" }));
  });
  const pull = imagePull(engine);
  expect(await Promise.all([pull("host:1/a/b"), pull("host:1/a/b")])).toEqual([
    undefined,
    undefined,
  ]);
  expect(await pull("a:tag")).toBeUndefined();
  expect(asked).toEqual([
    "/images/create?fromImage=host%3A1%2Fa%2Fb&tag=latest",
    "/images/create?fromImage=a&tag=tag",
  ]);
});

it("why it cannot be had is told, refused at once or later", async () => {
  const engine = await engineThat((request, response) => {
    if (request.url?.includes("later")) {
      response.write(line({ status: "Pulling fs layer" }));
      response.end(line({ error: "unexpected EOF", errorDetail: { message: "unexpected EOF" } }));
    } else {
      response.statusCode = 404;
      response.end(line({ message: "pull access denied for x" }));
    }
  });
  const pull = imagePull(engine);
  expect(await pull("later")).toBe("unexpected EOF");
  expect(await pull("x")).toContain("pull access denied for x");
});

it("an engine that says nothing is not waited for", async () => {
  const engine = await engineThat(
    (_, response) => void response.write(line({ status: "Waiting" })),
  );
  expect(await imagePull(engine, 50)("x")).toBe("the engine said nothing for 0.05 s");
});

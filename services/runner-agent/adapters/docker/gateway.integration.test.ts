import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type GatewayVisit, placeholderOf, proxyEnv, visitedUrl } from "../../domain/gateway-visit.rules.ts";
import { type Gateway, gateway } from "../../gateway/gateway.ts";
import { collect } from "../../ports/executor.contract.ts";
import type { AttemptSpec } from "../../ports/executor.port.ts";
import { type EngineLab, engineLab } from "../../testing/engine-lab.ts";

const REAL_KEY = "sk-ant-the-real-key-of-the-user";
const image = process.env["PITAYA_AGENTS_IMAGE"] ?? "pitaya-agents:latest";

let lab: EngineLab;
let host: Server;
let port = 0;
beforeAll(async () => {
  host = createServer((request, response) => response.end(`${request.headers["x-api-key"]}\n`));
  await new Promise<void>((done) => host.listen(0, "0.0.0.0", done));
  port = (host.address() as AddressInfo).port;
  lab = await engineLab({ helperImage: image });
});
afterAll(async () => {
  host.close();
  expect(await lab?.close()).toEqual([]);
});

const open = (): Gateway =>
  gateway({
    env: {},
    log: pino({ level: "silent" }),
    surroundings: () => ({ ownHosts: new Set(), bus: [], opens: () => true }),
  });

it("is all that an agent with the network proxy reaches", async () => {
  const visit: GatewayVisit = { token: "token-of-one" };
  const gate = open();
  gate.admit(
    visit.token,
    Promise.resolve({
      allow: [],
      provider: {
        url: `http://host.docker.internal:${port}`,
        keys: [{ placeholder: placeholderOf(visit, 0), value: REAL_KEY }],
        speaksChatOnly: false,
      },
    }),
  );
  await lab.executor.openGateway(gate.accept);
  const script = `
    curl -s -m 5 -H "x-api-key: $KEY" $URL/v1/x
    curl -s -m 5 --noproxy '*' http://host.docker.internal:${port}/ || echo no direct
    curl -s -m 5 https://example.com/ || echo no proxy $?
    getent hosts example.com || echo no name
    ip route 2>/dev/null; cat /proc/net/route; env | grep -c ${REAL_KEY}`;
  const spec: AttemptSpec = lab.attempt(script, {
    network: "proxy",
    env: { ...proxyEnv(visit), URL: visitedUrl(visit) },
  });
  const t = performance.now();
  await lab.executor.prepare(spec);
  const execution = await lab.executor.start(spec.name, { KEY: placeholderOf(visit, 0) });
  const { stdout, stderr } = await collect(execution);
  console.log(performance.now() - t, stdout.toString(), stderr.toString());
  await lab.executor.remove(spec.name);
});

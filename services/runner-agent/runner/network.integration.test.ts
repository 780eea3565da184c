import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answer, decode, sealer } from "@pitaya/bus";
import { buckets, RunnerAbout, subjects } from "@pitaya/protocol";
import pino from "pino";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { gateway } from "../gateway/gateway.ts";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { type FakeAgent, type FakeScript, fakeExecutor } from "../testing/fake-executor.ts";
import { RUN, runnerHarness } from "../testing/runner-harness.ts";

/* What an attempt is given of the network, and what it is not. */

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SECRET = "a-key-that-nobody-may-see";
const PASSWORD = "pass-word-of-the-proxy";
const agent = { plugin: "line", image: "i", cliArgs: [], credentials: ["LINE_KEY"] };

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-network-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Options = Partial<Parameters<typeof runnerHarness>[0]>;

async function harness(script: FakeScript, options: Options = {}) {
  const made = await runnerHarness({ executor: fakeExecutor({ script }), base, ...options });
  onTestFinished(() => made.close());
  const own = sealer();
  const subject = subjects.api.of({ verb: "runner-secret" });
  answer(made.bus, "runner-secret", [subject], { epoch: () => 1 }, async ({ runner }) => {
    const entry = await made.bus.bucket(buckets.runners).get(`${runner}.about`);
    const { curveKey } = decode(RunnerAbout, entry?.value ?? new Uint8Array(), "about");
    return { secrets: own.seal(curveKey, { v: 1, run: RUN, values: { LINE_KEY: SECRET } }) };
  });
  await made.start();
  return made;
}

async function listening(server: Server): Promise<number> {
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

it("proxy: a placeholder, and an address that dies with the attempt", async () => {
  const keys: unknown[] = [];
  const upstream = await listening(
    createServer((request, response) => {
      keys.push([request.url, request.headers["x-api-key"]]);
      response.setHeader("content-type", "application/json");
      response.end('{"usage":{"input_tokens":40,"output_tokens":2}}');
    }),
  );
  const gate = gateway({
    env: {},
    log: pino({ level: "silent" }),
    surroundings: () => ({ ownHosts: new Set(), bus: [], opens: () => true }),
    patienceMs: 1,
  });
  const door = await listening(createTcpServer({ allowHalfOpen: true }, gate.accept));
  const call = ({ env }: FakeAgent) => {
    const { pathname } = new URL(env["LINE_BASE_URL"] ?? "");
    const headers = { "x-api-key": env["LINE_KEY"] ?? "", connection: "close" };
    return fetch(`http://127.0.0.1:${door}${pathname}/v1/x`, { headers });
  };
  let seen: FakeAgent | undefined;
  const h = await harness(
    async (own) => {
      seen = own;
      await (await call(own)).text();
      own.write("stdout", "done well\n");
      return 0;
    },
    { gateway: gate },
  );
  const provider = { ...agent, baseUrl: `http://127.0.0.1:${upstream}/base` };
  await h.order("one", { task: { agent: provider, network: "proxy", env: { CI: "1" } } });
  const end = await h.fact("attempt.succeeded", "one");

  expect(keys).toEqual([["/base/v1/x", SECRET]]);
  expect(JSON.stringify([seen?.spec, seen?.env])).not.toContain(SECRET);
  expect(seen?.spec).toMatchObject({ network: "proxy", env: { CI: "1" } });
  expect(seen?.env["HTTPS_PROXY"]).toContain("gateway.pitaya.internal");
  // More than the agent told, and so what counts.
  expect(end.account.usage).toMatchObject({ inputTokens: 40, outputTokens: 2 });
  expect(seen && (await call(seen)).status).toBe(403);
});

it("online: the proxy of the surroundings, and its password nowhere else", async () => {
  const outerProxies = {
    HTTPS_PROXY: `http://user:${PASSWORD}@proxy.example:3128`,
    NO_PROXY: "in.example",
  };
  let seen: FakeAgent | undefined;
  const h = await harness(
    async (own) => {
      seen = own;
      own.write("stdout", `say ${own.env["HTTPS_PROXY"]}\ndone well\n`);
      return 0;
    },
    { settings: { outerProxies } },
  );
  await h.order("one", { task: { agent } });
  await h.fact("attempt.succeeded", "one");
  expect(seen?.env).toMatchObject({
    ...outerProxies,
    LINE_KEY: SECRET,
  });
  // What the engine stores, and what the bus does.
  expect(JSON.stringify(seen?.spec)).not.toContain(PASSWORD);
  const stored = Buffer.concat([...h.broker.payloads()].map((one) => Buffer.from(one)));
  expect(stored.includes("proxy.example:3128")).toBe(true);
  expect(stored.includes(PASSWORD)).toBe(false);
});

it("everywhere: the certificates of its run", async () => {
  const pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
  for (const network of ["online", "offline", "proxy"] as const) {
    let seen: FakeAgent | undefined;
    const h = await harness(async (own) => {
      seen = own;
      return 0;
    });
    const verify = { command: "make check", files: [] };
    await h.order("one", { task: { verify, network, extraCa: { inline: pem } } });
    await h.fact("attempt.succeeded", "one");
    expect(seen?.spec.inputs).toEqual({ "extra-ca.crt": pem });
    expect(seen?.env["NODE_EXTRA_CA_CERTS"]).toBe("/pitaya/exchange/in/extra-ca.crt");
  }
});

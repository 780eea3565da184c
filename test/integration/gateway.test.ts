import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { rootCertificates } from "node:tls";
import { RunId, type TaskSpec } from "@pitaya/protocol";
import Docker from "dockerode";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Scenario } from "../support/model-server/scenario.ts";
import {
  containersOf,
  type RunnerPrograms,
  runnerPrograms,
  WAIT,
} from "../support/runner-programs.ts";

/*
 * The network mode `proxy`: the real agent CLIs in their containers, a runner-agent as a program as
 * on any host of a fleet, and between them the gateway.
 */

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 300_000 });

const RUNNER = `test-${randomBytes(4).toString("hex")}`;
const RUN = RunId.parse(`run_20260101_000000_${randomBytes(4).toString("hex")}`);
const KEY = "sk-ant-api03-canary-of-the-gateway-test";
/** The key, in a shell's double quotes and without holding it. */
const KEY_IN_SHELL = KEY.replace("canary", 'can""ary');
const COMMIT = 'echo hello > hello.txt && git add hello.txt && git commit -q -m "Add hello.txt"';

let programs: RunnerPrograms;
let web: Server;
let webPort = 0;
/** An agent that waits for an answer, and so stays where it is. */
const waited = Promise.withResolvers<ServerResponse>();
/** The network that the runner's own proxy leads to: one host. */
let outerProxy: Server;
let proxyPort = 0;
beforeAll(async () => {
  programs = await runnerPrograms({ runners: [RUNNER], run: RUN, apiKey: KEY });
  web = createServer((request, response) => {
    if (request.url === "/wait") waited.resolve(response);
    else response.end(`web says ${request.url}`);
  });
  webPort = await portOf(web, "0.0.0.0");
  outerProxy = createServer();
  outerProxy.on("connect", (_: IncomingMessage, socket: Socket) => {
    const far = connect(webPort, "127.0.0.1");
    for (const side of [far, socket]) side.on("error", () => side.destroy());
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    socket.pipe(far).pipe(socket);
  });
  proxyPort = await portOf(outerProxy, "127.0.0.1");
});
afterAll(async () => {
  web?.close();
  outerProxy?.close();
  await programs?.close();
});

async function portOf(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const startProgram = () =>
  programs.startProgram(RUNNER, { HTTPS_PROXY: `http://127.0.0.1:${proxyPort}` });

async function order(key: string, scenario: Scenario, task: Partial<TaskSpec> = {}) {
  const url = programs.model.url(scenario, key, "host.docker.internal");
  await programs.order({ runner: RUNNER, key, url, task: { network: "proxy", ...task } });
}
const ending = (key: string) => programs.ending({ runner: RUNNER, key });

/** All that the engine keeps of this runner's containers, networks and volumes. */
async function keptByEngine(): Promise<string> {
  const engine = new Docker();
  const filters = { label: [`pitaya.runner=${RUNNER}`] };
  const [containers, networks, volumes] = await Promise.all([
    engine.listContainers({ all: true, filters }),
    engine.listNetworks({ filters }),
    engine.listVolumes({ filters }),
  ]);
  const inspected = await Promise.all(
    containers.map(({ Id }) =>
      engine
        .getContainer(Id)
        .inspect()
        .catch(() => undefined),
    ),
  );
  return JSON.stringify([inspected, networks, volumes]);
}

it("lets the agent work without the key, and reach nothing that is not allowed", async () => {
  const host = "host.docker.internal";
  const get = "curl -s -m 60";
  // Packets that are dropped are waited for in vain.
  const fail = "curl -s -m 2";
  const looks = [
    `${fail} --noproxy '*' http://${host}:${programs.model.port}/ >/dev/null && echo direct`,
    `${fail} --noproxy '*' http://169.254.169.254/ >/dev/null && echo metadata`,
    `ip=$(sed -n 's/ *gateway.pitaya.internal//p' /etc/hosts | tr -d '\t')`,
    `${fail} --noproxy '*' http://$ip:${webPort}/ >/dev/null && echo host`,
    `${get} http://${host}:${webPort}/ | grep -c 'not in runner.network_allow'`,
    `${get} -p http://other.example:443/ >/dev/null && echo other`,
    `${get} -p http://allowed.example:443/x; echo`,
    "getent hosts allowed.example && echo names",
    "ls /var/run/docker.sock /run/docker.sock 2>/dev/null",
    `grep -rlF "${KEY_IN_SHELL}" /home /tmp /workspace /pitaya /etc /run 2>/dev/null`,
    `cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -cF "${KEY_IN_SHELL}"`,
    "echo $ANTHROPIC_API_KEY",
    'tail -c "$(wc -c <"$NODE_EXTRA_CA_CERTS")" "$SSL_CERT_FILE" | cmp - "$NODE_EXTRA_CA_CERTS" && echo believed',
    '[ "$(grep -c BEGIN "$SSL_CERT_FILE")" -gt 1 ] && echo beside the usual ones',
    COMMIT,
  ];
  const wait = `${get} -p http://allowed.example:443/wait`;
  const script = [{ bash: `${looks.join("\n")}\n${wait}` }, { text: "Done." }];
  await startProgram();
  await order("works", script, {
    networkAllow: ["allowed.example"],
    extraCa: { inline: `${rootCertificates[0]}\n` },
  });
  const waiting = await waited.promise;
  const kept = await keptByEngine();
  waiting.end("and goes on");
  const end = await ending("works");

  const [first, second] = programs.model.requests("works");
  expect(first?.credential).toEqual({ header: "x-api-key", value: KEY });
  expect(second?.toolResults).toHaveLength(1);
  expect(second?.toolResults[0]?.trim().split("\n")).toEqual([
    "1",
    "web says /x",
    "0",
    expect.stringMatching(/^pitaya-placeholder-0-/),
    "believed",
    "beside the usual ones",
    "and goes on",
  ]);
  expect(kept).toContain("gateway.pitaya.internal");
  expect(kept).not.toContain(KEY);
  // What the gateway counted, as the CLI counts it.
  expect(end).toMatchObject({
    type: "attempt.succeeded",
    work: { commits: 1 },
    account: { usage: { inputTokens: 24, outputTokens: 110, cacheReadTokens: 19_500 } },
  });
});

it("goes on when the runner-agent is killed and started again", async () => {
  const script = [{ bash: COMMIT }, { text: "It is there.", beforeMs: 3_000 }];
  const before = await startProgram();
  await order("killed", script);
  await programs.model.requested("killed", 2);
  before.kill("SIGKILL");
  await once(before, "exit");
  await startProgram();
  const end = await ending("killed");
  expect(end).toMatchObject({
    type: "attempt.succeeded",
    work: { commits: 1 },
    finalMessage: { inline: "It is there." },
  });
});

it("translates for codex where the provider has chat completions alone", async () => {
  const script = [{ bash: COMMIT }, { text: "Done." }];
  const url = `${programs.model.url(script, "chat", "host.docker.internal")}/v1/chat/completions`;
  await startProgram();
  await order("chat", script, {
    network: "online",
    agent: {
      plugin: "codex",
      model: "gpt-5.5",
      image: process.env["PITAYA_AGENTS_IMAGE"] ?? "pitaya-agents:latest",
      cliArgs: [],
      baseUrl: url,
      provider: "openai",
      credentials: ["OPENAI_API_KEY"],
    },
  });
  const end = await ending("chat");
  expect(end).toMatchObject({
    type: "attempt.succeeded",
    work: { commits: 1 },
    finalMessage: { inline: "Done." },
    account: { usage: { inputTokens: 13_000, outputTokens: 110, cacheReadTokens: 9_000 } },
  });
  const paths = programs.model.requests("chat").map(({ path }) => path);
  expect(paths).toEqual(["v1/chat/completions", "v1/chat/completions"]);
  expect(programs.model.requests("chat")[0]?.credential?.value).toBe(`Bearer ${KEY}`);
  await expect.poll(() => containersOf(RUNNER), WAIT).toEqual([]);
});

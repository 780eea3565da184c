import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { collect, readUntil } from "../../ports/executor.contract.ts";
import type { AttemptSpec, Execution } from "../../ports/executor.port.ts";
import { AGENTS_IMAGE, type EngineLab, engineLab } from "../../testing/engine-lab.ts";
import { helpers } from "./helper-container.ts";

const specs: { lab: EngineLab; spec: AttemptSpec }[] = [];
const servers: Server[] = [];
let lab: EngineLab;
/** Services of this host; each answers with its name. */
const ports = { open: 0, closed: 0, loopback: 0, bus: 0 };

const listen = async (name: string, host: string): Promise<number> => {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
};

beforeAll(async () => {
  ports.open = await listen("open", "0.0.0.0");
  ports.closed = await listen("closed", "0.0.0.0");
  ports.loopback = await listen("loopback", "127.0.0.1");
  ports.bus = await listen("bus", "0.0.0.0");
  lab = await engineLab({
    bus: [{ host: "127.0.0.1", port: ports.bus }],
    rulesTrustMs: 0,
  });
});
afterEach(async () => {
  for (const one of specs.splice(0)) await one.lab.executor.remove(one.spec.name);
});
afterAll(async () => {
  expect(await lab?.close()).toEqual([]);
  for (const server of servers) server.close();
});

const start = async (of: EngineLab, script: string, change: Partial<AttemptSpec> = {}) => {
  const spec = of.attempt(script, { network: "online", ...change });
  specs.push({ lab: of, spec });
  await of.executor.prepare(spec);
  return { spec, execution: await of.executor.start(spec.name, {}) };
};
const textOf = async (execution: Execution) => (await collect(execution)).stdout.toString();

/** Tries all of these at once, and prints `name=answer` for each that answers. */
const probes = (targets: Record<string, string>) =>
  `${Object.entries(targets)
    .map(
      ([name, url]) =>
        `{ a=$(curl -s -g --noproxy '*' --max-time 2 '${url}') && echo "${name}=$a"; } &`,
    )
    .join("\n")}
  wait`;

/** A web server in a container, on port 8000. */
const SERVE = `perl -MIO::Socket::INET -e '
  $s = IO::Socket::INET->new(LocalPort => 8000, Listen => 5, ReuseAddr => 1) or die;
  $| = 1; print "ready\\n";
  while ($c = $s->accept) { print $c "HTTP/1.0 200 OK\\r\\n\\r\\nneighbour"; close $c }'`;

/** What the filter of this engine says, by a container in the host's network. */
const filter = async (...args: string[]) => {
  const { stdout } = await helpers(lab.engine).run({
    name: `${lab.naming.prefix}-look`,
    labels: lab.naming.labels("check"),
    image: AGENTS_IMAGE,
    script: 'for f in nft legacy; do "iptables-$f" "$@" 2>/dev/null; done; true',
    args,
    user: "0:0",
    host: { NetworkMode: "host", CapAdd: ["NET_ADMIN", "NET_RAW"], ReadonlyRootfs: false },
  });
  return stdout;
};

describe("an agent online", () => {
  it("reaches the endpoint opened for it, and nothing else of this host or its neighbours", async () => {
    const neighbour = await start(lab, SERVE);
    await readUntil(neighbour.execution, "ready\n");
    const networks = (
      await lab.engine.getContainer(lab.naming.container(neighbour.spec.name)).inspect()
    ).NetworkSettings.Networks;
    const { IPAddress, Gateway } = networks[lab.naming.network] ?? {};
    // A container of somebody else, on the engine's default bridge.
    const stranger = await lab.engine.createContainer({
      Image: AGENTS_IMAGE,
      Labels: lab.naming.labels("check"),
      Entrypoint: ["sh", "-c", SERVE],
    });
    await stranger.start();
    const { NetworkSettings } = await stranger.inspect();

    const { execution } = await start(
      lab,
      `${probes({
        open: `http://host.docker.internal:${ports.open}/`,
        "open by address": `http://${Gateway}:${ports.open}/`,
        closed: `http://host.docker.internal:${ports.closed}/`,
        bus: `http://host.docker.internal:${ports.bus}/`,
        "bus by address": `http://${Gateway}:${ports.bus}/`,
        loopback: `http://127.0.0.1:${ports.loopback}/`,
        "loopback by name": `http://host.docker.internal:${ports.loopback}/`,
        "open on loopback": `http://127.0.0.1:${ports.open}/`,
        engine: "http://host.docker.internal:2375/version",
        metadata: "http://169.254.169.254/latest/meta-data/",
        neighbour: `http://${IPAddress}:8000/`,
        stranger: `http://${NetworkSettings.Networks["bridge"]?.IPAddress}:8000/`,
      })}
      ls /var/run/docker.sock /run/docker.sock 2>/dev/null
      cat /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || echo 1
      cat /proc/net/if_inet6 2>/dev/null`,
      { openHostEndpoint: { host: "host.docker.internal", port: ports.open } },
    );
    const said = (await textOf(execution)).trim().split("\n").sort();
    expect(said).toEqual(["1", "open by address=open", "open=open"].sort());
    // The rules dropped what no route or firewall of this machine would have stopped anyway.
    const counted = await filter("-nvxL", lab.naming.forwardChain);
    expect(counted).toMatch(/^\s*[1-9]\d*\s+\d+ DROP .* 169\.254\.0\.0\/16/m);
    await stranger.remove({ force: true });
  });

  it("loses the endpoint with the last attempt that needs it", async () => {
    const endpoint = { openHostEndpoint: { host: "host.docker.internal", port: ports.open } };
    const target = probes({ open: `http://host.docker.internal:${ports.open}/` });
    const { spec, execution } = await start(lab, target, endpoint);
    expect(await textOf(execution)).toBe("open=open\n");
    await lab.executor.remove(spec.name);
    expect(await textOf((await start(lab, target)).execution)).toBe("");
  });

  it("is refused an endpoint on the bus's port", async () => {
    const spec = lab.attempt("true", {
      network: "online",
      openHostEndpoint: { host: "host.docker.internal", port: ports.bus },
    });
    await expect(lab.executor.prepare(spec)).rejects.toMatchObject({ code: "task_unsupported" });
  });

  it("is kept apart from the agents of another runner, whose rules come and go without harm", async () => {
    const other = await engineLab();
    const neighbour = await start(other, SERVE);
    await readUntil(neighbour.execution, "ready\n");
    const { NetworkSettings } = await other.engine
      .getContainer(other.naming.container(neighbour.spec.name))
      .inspect();
    const closed = `http://host.docker.internal:${ports.closed}/`;
    const address = NetworkSettings.Networks[other.naming.network]?.IPAddress;
    const before = probes({ closed, neighbour: `http://${address}:8000/` });
    expect(await textOf((await start(lab, before)).execution)).toBe("");
    specs.splice(0, specs.length, ...specs.filter((one) => one.lab !== other));
    expect(await other.close()).toEqual([]);
    expect(await filter("-S")).not.toContain(other.naming.forwardChain);
    expect(await filter("-S")).toContain(lab.naming.forwardChain);
    expect(await textOf((await start(lab, probes({ closed }))).execution)).toBe("");
  });

  it("is guarded again when someone flushed the rules", async () => {
    await filter("-F", lab.naming.inputChain);
    await filter("-D", "INPUT", "-i", lab.naming.bridge, "-j", lab.naming.inputChain);
    const target = probes({ closed: `http://host.docker.internal:${ports.closed}/` });
    expect(await textOf((await start(lab, target)).execution)).toBe("");
    const jumps = (await filter("-S", "INPUT")).split("\n");
    expect(jumps.filter((rule) => rule.includes(lab.naming.inputChain))).toHaveLength(1);
  });
});

describe("an agent offline", () => {
  it("has no network but its own loopback", async () => {
    const { execution } = await start(
      lab,
      "ls /sys/class/net; curl -s --max-time 2 http://host.docker.internal/ || echo none",
      { network: "offline" },
    );
    expect(await textOf(execution)).toBe("lo\nnone\n");
  });
});

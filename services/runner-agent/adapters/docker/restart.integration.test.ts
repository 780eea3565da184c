import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect } from "../../ports/executor.contract.ts";
import { AGENTS_IMAGE, type EngineLab, engineLab } from "../../testing/engine-lab.ts";
import { dockerExecutor } from "./docker-executor.ts";
import { helpers } from "./helper-container.ts";
import { attemptOf, LABEL } from "./names.ts";

let lab: EngineLab;
beforeAll(async () => {
  lab = await engineLab();
});
afterAll(async () => {
  expect(await lab?.close()).toEqual([]);
});

const stewards = async () => {
  const label = [`${LABEL.runner}=${lab.naming.runnerId}`, `${LABEL.role}=steward`];
  return (await lab.engine.listContainers({ all: true, filters: { label } })).map(({ Id }) => Id);
};

describe("a runner killed under a live attempt", () => {
  it("leaves it running; the next one knows its packs, adopts it and loses nothing", async () => {
    await lab.executor.close();
    expect(await stewards()).toEqual([]);
    const spec = lab.attempt(
      `mkfifo /tmp/never
       trap 'echo "$SECRET"; exit 4' TERM
       echo first; echo second
       while :; do read -r never <>/tmp/never; done`,
      { network: "online" },
    );
    const { runnerId } = lab.naming;
    const runner = spawn(
      process.execPath,
      [
        join(import.meta.dirname, "../../testing/runner-to-kill.ts"),
        JSON.stringify({ runnerId, helperImage: AGENTS_IMAGE, spec }),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(runner.stdout, "data");
    runner.kill("SIGKILL");
    await once(runner, "close");

    const next = await dockerExecutor({ runnerId, helperImage: AGENTS_IMAGE, bus: [] });
    await next.open();
    expect(await next.hasPack(lab.base.pack.sha256)).toBe(true);
    expect(await next.list()).toEqual([{ name: spec.name, state: "running" }]);
    expect(await stewards()).toHaveLength(1);
    await next.reap([spec.name]);

    const from = { stdout: "first\nsec".length, stderr: 0 };
    const execution = await next.adopt(spec.name, from);
    await execution.signal("TERM");
    const { stdout, gaps } = await collect(execution, from);
    expect(stdout.toString()).toBe("ond\nhanded over\n");
    expect(gaps).toEqual([]);
    expect(await execution.exit).toMatchObject({ kind: "agent", exitCode: 4 });

    await next.remove(spec.name);
    await next.close();
    await lab.executor.open();
  });

  it("leaves network and rules in place when it closes while an attempt is online", async () => {
    const spec = lab.attempt("mkfifo /tmp/never; read -r never <>/tmp/never", {
      network: "online",
    });
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    execution.detach();
    await lab.executor.close();
    expect((await lab.leftovers()).filter((name) => name.startsWith("network"))).toHaveLength(1);
    await lab.executor.open();
    expect(await lab.executor.list()).toEqual([{ name: spec.name, state: "running" }]);
    await lab.executor.remove(spec.name);
  });

  it("leaves half-filled volumes, which are found and removed", async () => {
    const labels = lab.naming.labels("pack");
    const half = lab.naming.pack("8".repeat(64));
    await lab.engine.createVolume({ Name: half, Labels: labels });
    await lab.engine.createContainer({
      name: `${half}-fill`,
      Image: AGENTS_IMAGE,
      Cmd: ["true"],
      Labels: labels,
      HostConfig: { Mounts: [{ Type: "volume", Source: half, Target: "/pack" }] },
    });
    await lab.executor.close();
    await lab.executor.open();
    expect(await lab.executor.hasPack("8".repeat(64))).toBe(false);
    expect(await lab.executor.leftovers([])).toEqual([
      { kind: "container", name: `${half}-fill` },
      { kind: "pack", name: half },
    ]);
    await lab.executor.reap([]);
    expect(await lab.executor.leftovers([])).toEqual([]);
    expect((await lab.leftovers()).filter((name) => name.includes(half))).toEqual([]);
    expect(await lab.executor.hasPack(lab.base.pack.sha256)).toBe(true);
  });
});

describe("what is made for an attempt", () => {
  it("carries its owner, whatever its name, and is left over when that is gone", async () => {
    const { engine, naming, executor } = lab;
    const spec = lab.attempt("true", { network: "online" });
    await executor.prepare(spec);
    const [containers, { Volumes }, networks] = await Promise.all([
      engine.listContainers({ all: true }),
      engine.listVolumes(),
      engine.listNetworks(),
    ]);
    const all = [
      ...containers.map(({ Names, Labels }) => [Names[0]?.slice(1) ?? "", Labels] as const),
      ...(Volumes ?? []).map(({ Name, Labels }) => [Name, Labels] as const),
      ...networks.map(({ Name, Labels }) => [Name, Labels] as const),
    ];
    const named = all.filter(([name]) => name.startsWith(naming.prefix));
    const attempt = naming.container(spec.name);
    expect(named.filter(([name]) => name.startsWith(attempt)).length).toBeGreaterThanOrEqual(5);
    for (const [name, labels] of named) {
      expect(labels, name).toMatchObject({ [LABEL.runner]: naming.runnerId });
      if (name.startsWith(attempt)) expect(attemptOf(labels), name).toEqual(spec.name);
    }

    expect(await executor.leftovers([spec.name])).toEqual([]);
    const left = await executor.leftovers([]);
    expect(left.map(({ name }) => name).toSorted()).toEqual(
      [attempt, ...Object.values(naming.volumes(spec.name))].toSorted(),
    );
    await executor.remove(spec.name);
    expect(await executor.leftovers([])).toEqual([]);
  });
});

describe("a host that went down", () => {
  it("may have lost part of a checkout, which is made anew, and keeps its packs", async () => {
    const spec = lab.attempt("git status --porcelain; cat README");
    await lab.executor.prepare(spec);
    await lab.executor.remove(spec.name);
    const checkouts = async () =>
      (await lab.leftovers()).filter((name) => name.includes("-checkout-"));
    expect(await checkouts()).toHaveLength(1);
    const [checkout = ""] = (await checkouts()).map((name) => name.replace("volume ", ""));
    await helpers(lab.engine).run({
      name: `${lab.naming.prefix}-power-loss`,
      labels: lab.naming.labels("check"),
      image: AGENTS_IMAGE,
      script: ": >/v/tree/README; echo earlier >/v/complete",
      args: [],
      user: "1000:1000",
      mounts: [{ Type: "volume", Source: checkout, Target: "/v" }],
    });
    await lab.executor.close();
    await lab.executor.open();
    expect(await lab.executor.hasPack(lab.base.pack.sha256)).toBe(true);
    const { stdout } = await lab.run(spec);
    expect(stdout.toString()).toBe("hello\n");
    await lab.executor.remove(spec.name);
  });
});

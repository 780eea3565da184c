import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collect, readUntil, sha256Of } from "../../ports/executor.contract.ts";
import type { OutputGap } from "../../ports/executor.port.ts";
import { type EngineLab, engineLab } from "../../testing/engine-lab.ts";
import { engineProxy } from "../../testing/engine-proxy.ts";

let lab: EngineLab;
beforeAll(async () => {
  lab = await engineLab();
});
afterAll(async () => {
  expect(await lab?.close()).toEqual([]);
});

/** Tells its readiness, then does its work on TERM, so that a test decides when it happens. */
const onTerm = (work: string) => `
  mkfifo /tmp/never
  trap '${work}; exit 0' TERM
  echo ready
  while :; do read -r never <>/tmp/never; done`;

const numbers = (to: number) => {
  let text = "";
  for (let n = 1; n <= to; n += 1) text += `${n}\n`;
  return text;
};

describe("output of a started container", () => {
  it("brings every byte, of any kind and length, each stream apart", async () => {
    const { stdout, stderr } = await lab.run(
      lab.attempt(`
        head -c 3000000 /dev/urandom >/tmp/noise
        cat /tmp/noise
        printf '\\377\\376\\0bad utf-8\\303('
        head -c 10000000 /dev/zero | tr '\\0' x
        seq 200000
        sha256sum </tmp/noise >&2`),
    );
    const noise = stdout.subarray(0, 3_000_000);
    expect(stderr.toString()).toBe(`${sha256Of(noise)}  -\n`);
    const rest = Buffer.concat([
      Buffer.from([0xff, 0xfe, 0]),
      Buffer.from("bad utf-8"),
      Buffer.from([0xc3, 0x28]),
      Buffer.alloc(10_000_000, "x"),
      Buffer.from(numbers(200_000)),
    ]);
    expect(stdout.subarray(3_000_000).equals(rest)).toBe(true);
  });

  it("loses nothing written just before the end, whoever still holds the pipe", async () => {
    const { stdout, exit } = await lab.run(
      lab.attempt(`
        sleep 1000 &
        (setsid sleep 1000 &)
        (setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1000; done' &)
        printf '{"type":"result"}'`),
    );
    expect(stdout.toString()).toBe('{"type":"result"}');
    expect(exit).toMatchObject({ kind: "agent", exitCode: 0 });
  });

  it("makes a slow reader slow the agent, and keeps nothing for it", async () => {
    const bytes = 30_000_000;
    const spec = lab.attempt(`head -c ${bytes} /dev/zero`);
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    let hasEnded = false;
    const exit = execution.exit.then((end) => {
      hasEnded = true;
      return end;
    });
    const before = process.memoryUsage().arrayBuffers;
    // While nobody reads, another attempt has the time for its whole life.
    await lab.run(lab.attempt("true"));
    expect(hasEnded).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000);
    expect((await collect(execution)).stdout.length).toBe(bytes);
    expect(await exit).toMatchObject({ exitCode: 0 });
  });

  it("reads on without a gap when its connection breaks and the container goes on", async () => {
    const proxy = await engineProxy(
      /^unix:\/\/(.+)$/.exec(process.env["DOCKER_HOST"] ?? "")?.[1] ?? "/var/run/docker.sock",
    );
    const far = await engineLab({ engine: proxy.address, settleMs: 50 });
    try {
      const spec = far.attempt(onTerm("seq 300000"));
      await far.executor.prepare(spec);
      const execution = await far.executor.start(spec.name, {});
      const first = await readUntil(execution, "ready\n");
      proxy.cut("/attach");
      const rest = collect(execution, { stdout: first, stderr: 0 });
      await execution.signal("TERM");
      expect((await rest).stdout.toString()).toBe(numbers(300_000));
      expect((await rest).gaps).toEqual([]);
      expect(await execution.exit).toMatchObject({ kind: "agent", exitCode: 0 });
    } finally {
      expect(await far.close()).toEqual([]);
      proxy.close();
    }
  });
});

describe("output of an adopted container", () => {
  const startAndLeave = async (work: string) => {
    // What it does on TERM takes as long as it takes.
    const spec = lab.attempt(onTerm(work), { killGraceMs: 60_000 });
    await lab.executor.prepare(spec);
    const execution = await lab.executor.start(spec.name, {});
    const first = await readUntil(execution, "ready\n");
    execution.detach();
    return { name: spec.name, from: { stdout: first, stderr: 0 } };
  };

  it("goes on through many segments, exactly from where it is asked", async () => {
    const { name, from } = await startAndLeave("seq 1000000; seq 300000 >&2");
    const execution = await lab.executor.adopt(name, from);
    const output = collect(execution, from);
    await execution.signal("TERM");
    const { stdout, stderr, gaps } = await output;
    expect(gaps).toEqual([]);
    expect(stdout.toString() === numbers(1_000_000)).toBe(true);
    expect(stderr.toString() === numbers(300_000)).toBe(true);
    expect(await execution.exit).toMatchObject({ kind: "agent", exitCode: 0 });
  });

  it("says what is lost when more was written than is kept", async () => {
    const { name, from } = await startAndLeave("seq 4000000");
    const container = lab.engine.getContainer(lab.naming.container(name));
    await container.kill({ signal: "SIGTERM" });
    await container.wait();
    const execution = await lab.executor.adopt(name, from);
    const { stdout, gaps } = await collect(execution, from);
    const written = `ready\n${numbers(4_000_000)}`;
    expect(gaps).toEqual([
      { stream: "stdout", fromOffset: from.stdout, toOffset: expect.any(Number) },
    ]);
    const start = gaps[0]?.toOffset ?? 0;
    expect(stdout.toString() === written.slice(start)).toBe(true);
    expect(stdout.length).toBeGreaterThan(15 * 1024 * 1024);
  });

  it("says so too while the container runs on", async () => {
    const { name, from } = await startAndLeave(
      "seq 4000000; echo done; read -r never <>/tmp/never",
    );
    const first = await lab.executor.adopt(name, from);
    await first.signal("TERM");
    await readUntil(first, "done\n");
    first.detach();
    const second = await lab.executor.adopt(name, { stdout: 0, stderr: 0 });
    const gaps: OutputGap[] = [];
    for await (const item of second.output) {
      if ("gap" in item) gaps.push(item.gap);
      else if (Buffer.from(item.bytes).includes("done\n")) await second.signal("KILL");
    }
    expect(gaps[0]).toMatchObject({ stream: "stdout", fromOffset: 0 });
    expect(gaps[0]?.toOffset).toBeGreaterThan(10 * 1024 * 1024);
    // Killed without a report: how much more there was, nobody knows.
    expect(gaps.slice(1).map(({ toOffset }) => toOffset)).toEqual([undefined, undefined]);
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, type Bus, natsBus, provision } from "@pitaya/bus";
import { start } from "@pitaya/coordinator";
import { failed, fakeRunner, sampleRun, succeeded } from "@pitaya/coordinator/testing";
import { buckets, makeRunId, type RunSpec, runEvents, subjects } from "@pitaya/protocol";
import { defineStrategy, type Strategy } from "@pitaya/strategies";
import { type RunView, runLog, runView } from "@pitaya/views";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { type NatsProcess, spawnNats } from "../support/nats-process.ts";

const log = pino({ level: process.env["LOG"] ?? "silent" });

const RUNNER_LEASE_MS = 1_500;

let dir: string;
let server: NatsProcess;
let port: number;
let client: Bus;
let runs = 0;

const serve = async (at: number) => spawnNats(["-js", "-sd", join(dir, "js")], at);
const connect = (name: string): Promise<Bus> =>
  natsBus({ servers: `nats://127.0.0.1:${port}`, name });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-coordinator-"));
  server = await serve(0);
  port = server.port;
  await provision({ servers: `nats://127.0.0.1:${port}`, name: "admin", maxStoreBytes: 1024 ** 3 });
  client = await connect("cli");
});
afterAll(async () => {
  await client.close();
  await server.kill("SIGTERM");
  await rm(dir, { recursive: true, force: true });
});

async function coordinator(id: string, ...strategies: readonly Strategy[]) {
  const bus = await connect(id);
  const started = start({
    bus,
    id,
    version: "0.0.0",
    log,
    leaseMs: 1_000,
    runnerLeaseMs: RUNNER_LEASE_MS,
    takeOver: true,
    strategies,
  });
  await started.deciding;
  let stopped: Promise<void> | undefined;
  const end = async () => {
    await started.stop();
    await bus.close();
  };
  const stop = () => {
    stopped ??= end();
    return stopped;
  };
  onTestFinished(stop);
  return { stop };
}

async function runner(name: string) {
  const bus = await connect(name);
  const made = await fakeRunner(bus, name, RUNNER_LEASE_MS);
  const beat = setInterval(() => void made.heartbeat(), 300);
  const silence = () => clearInterval(beat);
  onTestFinished(async () => {
    silence();
    made.stop();
    await bus.bucket(buckets.runners).delete(name);
    await bus.close();
  });
  return { ...made, silence };
}

async function submit(strategy = "simple"): Promise<RunSpec> {
  runs += 1;
  const blob = await client.blobs.put(async function* () {
    yield Buffer.from(`bundle ${runs}`);
  });
  const plain = sampleRun({
    run: makeRunId(new Date(), runs.toString(16).padStart(8, "0")),
    strategy: { name: strategy, params: {} },
  });
  const [bundle] = plain.base.bundles;
  const spec = { ...plain, base: { ...plain.base, bundles: bundle ? [{ ...bundle, blob }] : [] } };
  await ask(
    client,
    "submit",
    subjects.api.of({ verb: "submit" }),
    { v: 1, spec, secrets: [] },
    5_000,
  );
  return spec;
}

async function until(run: string, condition: (view: RunView) => boolean): Promise<RunView> {
  const messages = runLog();
  const fold = runView();
  const stop = new AbortController();
  for await (const item of client.events.follow(runEvents(run), { signal: stop.signal })) {
    if ("caughtUp" in item) continue;
    for (const event of messages.admit(item)) fold.apply(event);
    if (condition(fold.view)) break;
  }
  stop.abort();
  return fold.view;
}

describe("on a real server", () => {
  it("a run goes from submission to success, and the list of runs tells it", async () => {
    await coordinator("coord-a");
    const worker = await runner("runner-a");
    const { run } = await submit();
    await (await worker.take()).tell(succeeded());
    const view = await until(run, (v) => v.phase === "succeeded");
    expect([...view.instances.values()].map((row) => row.state)).toEqual(["succeeded"]);
  });

  it("an attempt of a silent runner is sealed and placed again within the lease and a second", async () => {
    await coordinator("coord-b");
    const first = await runner("runner-b1");
    const { run } = await submit();
    const lost = await first.take();
    first.silence();
    const silentAt = Date.now();
    const second = await runner("runner-b2");
    const again = await second.take();
    expect(Date.now() - silentAt).toBeLessThan(RUNNER_LEASE_MS + 1_000 + 300);
    expect(again.start.attempt).toBe(2);
    expect(await lost.tell(succeeded())).toBe(false);
    await again.tell(succeeded());
    await until(run, (v) => v.phase === "succeeded");
  });

  it("a server killed with -9 and started again loses no attempt and seals none", async () => {
    await coordinator("coord-c");
    const worker = await runner("runner-c");
    const { run } = await submit();
    const attempt = await worker.take();
    await server.kill("SIGKILL");
    server = await serve(port);
    await attempt.tell(failed("overloaded", true));
    const second = await worker.take();
    await second.tell(succeeded());
    const view = await until(run, (v) => v.phase === "succeeded");
    const [row] = view.instances.values();
    expect(row?.attempts.map(({ end }) => end?.type)).toEqual([
      "attempt.failed",
      "attempt.succeeded",
    ]);
  });

  it("a strategy goes on by another coordinator: same numbers, same instances, same base", async () => {
    const drawn: number[] = [];
    const twoStages = defineStrategy({
      name: "stages",
      params: z.object({}),
      async execute({ prompt }, ctx) {
        const chance = ctx.rand();
        drawn.push(chance);
        const both = ["a", "b"].map((key) => ctx.run({ prompt: `${prompt} ${chance}` }, { key }));
        const first = await ctx.race(both);
        if (first.status === "failed") return { status: "failed", tasks: [] };
        for (const other of both) if (other.key !== first.key) ctx.cancel(other);
        const { branch: baseBranch = "" } = first.result;
        const last = await ctx.wait(ctx.run({ prompt: "refine", baseBranch }, { key: "refined" }));
        await ctx.waitAll(both, { tolerateFailures: true });
        return { status: "succeeded", tasks: [last.key], chosen: last.key };
      },
    });
    const before = await coordinator("coord-d1", twoStages);
    const worker = await runner("runner-d");
    const { run, base } = await submit("stages");
    const attempts = [await worker.take(), await worker.take()];
    const [winner, loser] = attempts;
    await before.stop();

    await coordinator("coord-d2", twoStages);
    const commit = "d".repeat(40);
    const [bundle] = base.bundles;
    const work = { commit, commits: 1, filesChanged: 1, insertions: 1, deletions: 0 };
    const done = succeeded();
    await winner?.tell({ ...done, work, bundle: { ...bundle, tip: commit } } as typeof done);
    expect(await worker.nextCancel()).toMatchObject({ instance: loser?.start.instance });
    await loser?.tell(failed("cancelled", false));
    const refining = await worker.take();
    expect(refining.start.task.base).toMatchObject({ commit, bundles: [{ tip: commit }, bundle] });
    await refining.tell(succeeded());

    const view = await until(run, (v) => v.phase === "succeeded");
    expect([...view.instances.values()].map((row) => [row.state, row.attempts.length])).toEqual(
      expect.arrayContaining([
        ["succeeded", 1],
        ["cancelled", 1],
        ["succeeded", 1],
      ]),
    );
    expect(new Set(drawn).size).toBe(1);
    expect(drawn.length).toBeGreaterThan(1);
  });
});

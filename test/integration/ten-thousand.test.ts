import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, type Bus, decode, natsBus, provision } from "@pitaya/bus";
import { sampleRun } from "@pitaya/coordinator/testing";
import { buckets, DecisionMessage, type RunSpec, runEvents, subjects } from "@pitaya/protocol";
import { type RunView, runLog, runView } from "@pitaya/views";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { startNatsProcess, type TestNatsProcess } from "../support/nats.ts";

const TASKS = 10_000;
const LEASE_MS = 2_000;
/**
 * Heap a coordinator gets here. V8 ends a process that needs more, so the bound holds whatever the
 * collector's mood; resident memory says as much about the machine as about the program.
 */
const HEAP_MIB = 320;
const programs = join(import.meta.dirname, "../support/many");

let nats: TestNatsProcess;
let dir: string;
let client: Bus;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-many-"));
  const users = [
    { role: "admin", id: "a1" },
    { role: "cli", id: "u1" },
    { role: "coordinator", id: "c1" },
    { role: "coordinator", id: "c2" },
    { role: "runner", id: "r1" },
  ] as const;
  nats = await startNatsProcess({ users });
  const as = (id: string) => ({ servers: nats.url, name: id, user: nats.user(id) });
  await provision({ ...as("a1"), maxStoreBytes: 4 * 1024 ** 3 });
  client = await natsBus(as("u1"));
  for (const { id } of users) await writeFile(join(dir, id), JSON.stringify(nats.user(id)));
});
afterAll(async () => {
  await client.close();
  await nats.stop();
  await rm(dir, { recursive: true, force: true });
});

function program(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return child;
}

const coordinator = (id: string) =>
  program([`--max-old-space-size=${HEAP_MIB}`, join(programs, "coordinator.ts")], {
    PITAYA_NATS_URL: nats.url,
    PITAYA_NATS__CREDS: join(dir, id),
    PITAYA_LEASE__COORDINATOR_MS: String(LEASE_MS),
    PITAYA_LOGGING__LEVEL: process.env["LOG"] ?? "error",
  });

async function submit(): Promise<RunSpec> {
  const blob = await client.blobs.put(async function* () {
    yield new Uint8Array([1, 2, 3]);
  });
  const plain = sampleRun({ strategy: { name: "many", params: { tasks: TASKS } } });
  const bundles = plain.base.bundles.map((bundle) => ({ ...bundle, blob }));
  const spec = { ...plain, base: { ...plain.base, bundles } };
  const request = { v: 1 as const, spec, secrets: [] };
  await ask(client, "submit", subjects.api.of({ verb: "submit" }), request, 30_000);
  return spec;
}

/** Follows the run until its view is as wanted. */
async function until(run: string, wanted: (view: RunView) => boolean): Promise<RunView> {
  const stop = new AbortController();
  const [log, fold] = [runLog(), runView()];
  for await (const item of client.events.follow(runEvents(run), { signal: stop.signal })) {
    if ("caughtUp" in item) continue;
    for (const event of log.admit(item)) fold.apply(event);
    if (wanted(fold.view)) break;
  }
  stop.abort();
  return fold.view;
}

const succeeded = ({ instances }: RunView): number => {
  let count = 0;
  for (const { state } of instances.values()) if (state === "succeeded") count += 1;
  return count;
};

/** When each epoch's first decision was stored, server time. */
async function firstDecisions(run: string): Promise<ReadonlyMap<number, number>> {
  const first = new Map<number, number>();
  for await (const { payload, storedAt } of client.events.read([
    subjects.decision.filter({ run }),
  ])) {
    const { epoch } = decode(DecisionMessage, payload, "decision");
    if (!first.has(epoch)) first.set(epoch, storedAt.getTime());
  }
  return first;
}

it(`a run of ${TASKS} instances goes on when its coordinator is killed in the middle`, async () => {
  const first = coordinator("c1");
  await expect
    .poll(() => client.bucket(buckets.coordinators).get("c1"), { timeout: 30_000 })
    .toBeDefined();
  program([join(programs, "instant-runner.ts"), nats.url, join(dir, "r1"), "32", "5000"]);
  const { run } = await submit();
  await until(run, (view) => view.phase === "executing");
  const second = coordinator("c2");
  let looks = 0;
  await until(run, (view) => {
    looks += 1;
    return looks % 500 === 0 && succeeded(view) >= TASKS / 2;
  });
  first.kill("SIGKILL");
  const killedAt = Date.now();
  const view = await until(run, (each) => each.phase === "succeeded");
  expect(succeeded(view)).toBe(TASKS);
  expect([...view.instances.values()].every(({ attempts }) => attempts.length === 1)).toBe(true);
  const [, taken = 0] = [...(await firstDecisions(run)).values()];
  // The lease may have been renewed just before.
  expect(taken - killedAt).toBeLessThan(LEASE_MS + 2_000);
  expect([second.exitCode, second.signalCode]).toEqual([null, null]);
}, 600_000);

import { manualClock } from "@pitaya/actors";
import { ask, type Bus, decode, encode } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import {
  BLOB_PART_BYTES,
  buckets,
  CHECKPOINT_KEY,
  CleanCommand,
  FoldCheckpoint,
  type GcReport,
  ProcessId,
  RunnerInventory,
  subjects,
} from "@pitaya/protocol";
import pino from "pino";
import { expect, onTestFinished, test } from "vitest";
import { fakeRunner } from "../testing/fake-runner.ts";
import { sampleRun } from "../testing/sample-run.ts";
import { serveGc } from "./serve-gc.ts";

const DAY_MS = 86_400_000;
const bytes = (text: string) =>
  async function* () {
    yield Buffer.from(text);
  };

/** A store, a coordinator that answers `gc` and nothing else, and a client. */
function world() {
  const clock = manualClock(Date.UTC(2026, 0, 2));
  const broker = memoryBroker({ clock: { now: clock.now, after: clock.setTimer } });
  const [client, bus] = [broker.connect("cli"), broker.connect("coord")];
  const log = pino({ level: "silent" });
  const stop = serveGc({ bus, clock, log, epoch: 7, waitMs: 1_000, limitMs: 9_000 });
  onTestFinished(stop);

  /** Time passes once the request waits for it. `meanwhile` happens between the two looks. */
  async function gc(remove: boolean, meanwhile?: () => Promise<unknown>): Promise<GcReport> {
    const before = clock.pending;
    const asked = ask(client, "gc", subjects.api.of({ verb: "gc" }), { v: 1, remove }, 60_000);
    let over = false;
    const answered = asked.finally(() => {
      over = true;
    });
    while (clock.pending <= before + 1 && !over) await new Promise(setImmediate);
    await meanwhile?.();
    while (!over) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
    return (await answered).value;
  }

  /** A client that dies in the middle of an upload. */
  async function killedUpload(): Promise<void> {
    let passes = 0;
    const dying = client.blobs.put(async function* () {
      passes += 1;
      yield Buffer.alloc(2 * BLOB_PART_BYTES, 7);
      if (passes === 2) throw new Error("killed");
    });
    await expect(dying).rejects.toThrow("killed");
  }

  async function submitted(parents: readonly string[] = []) {
    const blob = await client.blobs.put(bytes("base"), parents);
    const spec = sampleRun();
    const [bundle] = spec.base.bundles;
    const base = { ...spec.base, bundles: [{ ...bundle, blob }] };
    await bus.events.append(subjects.decision.of({ run: spec.run }), {
      id: "one",
      payload: Buffer.from(JSON.stringify({ entries: [{ spec: { ...spec, base } }] })),
      expectedLast: 0,
    });
    return { run: spec.run, blob };
  }

  return { clock, client, bus, gc, killedUpload, submitted };
}

const kinds = ({ places }: GcReport) => places.flatMap((p) => p.ownerless.map(({ kind }) => kind));

/** Answers the next `clean` as a runner would that found one volume. */
async function answersClean(bus: Bus, id: string): Promise<CleanCommand> {
  const runner = ProcessId.parse(id);
  const order = await bus.commands.next(id, "control", new AbortController().signal);
  const command = decode(CleanCommand, order?.payload ?? new Uint8Array(), "clean");
  await order?.ack();
  const at = new Date(0).toISOString();
  const ownerless = [{ kind: "volume", name: "left", reason: "nobody's" } as const];
  const answer = {
    v: 1,
    runner,
    request: command.request,
    at,
    ownerless,
    count: 1,
    removed: 0,
  } as const;
  await bus.bucket(buckets.runners).put(`${id}.inventory`, encode(RunnerInventory, answer));
  return command;
}

test("a blob is kept by a run, by another that is kept, and by a pin; then by nobody", async () => {
  const w = world();
  const grandparent = await w.client.blobs.put(bytes("grandparent"));
  const parent = await w.client.blobs.put(bytes("parent"), [grandparent.sha256]);
  await w.submitted([parent.sha256]);
  const stray = await w.client.blobs.put(bytes("stray"));
  await w.killedUpload();
  // Everything is pinned yet.
  expect(kinds(await w.gc(true))).toEqual([]);

  w.clock.advance(buckets.pins.ttlMs + 1);
  const told = await w.gc(false);
  expect(kinds(told).toSorted()).toEqual(["blob", "upload"]);
  expect(told.places[0]).toMatchObject({ count: 2, removed: 0 });
  expect(told.places[0]?.ownerless).toContainEqual({
    kind: "blob",
    name: `cli.${stray.sha256}`,
    bytes: 5,
    reason: expect.any(String),
  });
  expect(await w.bus.upkeep.blobs()).toHaveLength(5);

  expect((await w.gc(true)).places[0]).toMatchObject({ count: 2, removed: 2 });
  expect(await w.bus.upkeep.blobs()).toHaveLength(3);
  for (const kept of [grandparent, parent]) expect(await w.client.blobs.has(kept)).toBe(true);
  expect(kinds(await w.gc(false))).toEqual([]);
});

test("what comes to be wanted between the two looks is left", async () => {
  const w = world();
  const stray = await w.client.blobs.put(bytes("stray"));
  w.clock.advance(buckets.pins.ttlMs + 1);
  const report = await w.gc(true, () => w.client.blobs.put(bytes("stray")));
  expect(report.places[0]).toMatchObject({ count: 0, removed: 0 });
  expect(await w.client.blobs.has(stray)).toBe(true);
});

test("what nobody owns only since the first look waits for the next time", async () => {
  const w = world();
  const stray = await w.client.blobs.put(bytes("stray"));
  w.clock.advance(buckets.pins.ttlMs - 500);
  expect((await w.gc(true)).places[0]).toMatchObject({ count: 0, removed: 0 });
  expect(await w.client.blobs.has(stray)).toBe(true);
  expect((await w.gc(true)).places[0]).toMatchObject({ count: 1, removed: 1 });
});

test("a runner that is alive looks over its own host, and one that is not is silent", async () => {
  const w = world();
  for (const id of ["runner-1", "runner-2", "runner-3"]) {
    (await fakeRunner(w.client, id, 1_000_000)).stop();
    await w.bus.commands.ensureQueues(id);
  }
  await w.client.bucket(buckets.runners).delete("runner-3");
  const answering = answersClean(w.client, "runner-1");
  const report = await w.gc(true);
  expect(await answering).toMatchObject({ verb: "clean", remove: true, epoch: 7 });
  expect(report.silent).toEqual(["runner-2", "runner-3"]);
  expect(report.places).toMatchObject([
    { count: 0 },
    { runner: "runner-1", count: 1, removed: 0, ownerless: [{ kind: "volume", name: "left" }] },
  ]);
});

test("what a runner leaves in the store that is gone for good goes too", async () => {
  const w = world();
  const [gone, stays] = ["runner-gone", "runner-stays"];
  for (const id of [gone, stays]) {
    (await fakeRunner(w.client, id, 1_000)).stop();
    await w.bus.commands.ensureQueues(id);
    const message = { id: `order-${id}`, payload: Buffer.from("{}") };
    await w.bus.commands.publish(subjects.start.of({ runner: id }), message);
  }
  const { run, blob } = await w.submitted();
  const rows = w.bus.bucket(buckets.runs);
  for (const listed of [run, "run_20250101_000000_00000001", "nobody"]) {
    await rows.put(listed, raw("{}"));
  }
  const checkpoint = { v: 1, blob, sequence: 1, created: "now", fold: 1 } as const;
  await rows.put(CHECKPOINT_KEY, encode(FoldCheckpoint, checkpoint));
  w.clock.advance(8 * DAY_MS);
  await w.client.bucket(buckets.runners).put(`${stays}.about`, raw("{}"));

  const report = await w.gc(true);
  expect(report.silent).toEqual([stays]);
  expect(report.places[0]?.ownerless.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    `consumer ${gone}-start`,
    `consumer ${gone}-ctl`,
    `command ${gone}`,
    `key PITAYA_RUNNERS/${gone}.about`,
    "key PITAYA_RUNS/run_20250101_000000_00000001",
    "key PITAYA_RUNS/nobody",
  ]);
  expect(report.places[0]?.removed).toBe(6);
  expect(await w.bus.upkeep.queues()).toEqual([`${stays}-start`, `${stays}-ctl`]);
  expect([...(await w.bus.upkeep.orders()).keys()]).toEqual([stays]);
  expect((await rows.entries()).map(({ key }) => key)).toEqual([run, CHECKPOINT_KEY]);
  expect((await w.gc(false)).places[0]?.count).toBe(0);
});

test("a consumer on a stream that is read without any is nobody's", async () => {
  const w = world();
  const stray = new Set(["PITAYA_EVENTS/left"]);
  Object.assign(w.bus.upkeep, {
    strayConsumers: async () => [...stray],
    removeStrayConsumer: async (name: string) => void stray.delete(name),
  });
  expect((await w.gc(false)).places[0]).toMatchObject({
    ownerless: [{ kind: "consumer", name: "PITAYA_EVENTS/left" }],
    count: 1,
  });
  expect((await w.gc(true)).places[0]?.removed).toBe(1);
  expect(stray.size).toBe(0);
});

const raw = (text: string): Uint8Array => Buffer.from(text);

import { ask, type Bus, natsBus, provision } from "@pitaya/bus";
import { start } from "@pitaya/coordinator";
import { fakeRunner, sampleRun, succeeded } from "@pitaya/coordinator/testing";
import { isPitayaError, makeRunId, runEvents, subjects } from "@pitaya/protocol";
import { runLog, runView } from "@pitaya/views";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNatsProcess, type TestNatsProcess } from "../support/nats.ts";

const MIB = 1024 ** 2;
const RUNNER_LEASE_MS = 5_000;

let server: TestNatsProcess;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startNatsProcess();
  await provision({ servers: server.url, name: "admin", maxStoreBytes: 32 * MIB });
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await server.stop();
});

async function connect(name: string): Promise<Bus> {
  const bus = await natsBus({ servers: server.url, name });
  closing.push(() => bus.close());
  return bus;
}

async function coordinatorNamed(id: string) {
  const coordinator = start({
    ...{ bus: await connect(id), id, version: "0.0.0", log: pino({ level: "silent" }) },
    ...{ runnerLeaseMs: RUNNER_LEASE_MS, takeOver: true },
  });
  closing.push(() => coordinator.stop());
  await coordinator.deciding;
  return coordinator;
}

async function submit(client: Bus, number: number): Promise<string> {
  const blob = await client.blobs.put(async function* () {
    yield Buffer.from(`bundle ${number}`);
  });
  const run = makeRunId(new Date(), number.toString(16).padStart(8, "0"));
  const plain = sampleRun({ run });
  const bundles = plain.base.bundles.map((bundle) => ({ ...bundle, blob }));
  const spec = { ...plain, base: { ...plain.base, bundles } };
  const request = { v: 1 as const, spec, secrets: [] };
  await ask(client, "submit", subjects.api.of({ verb: "submit" }), request, 5_000);
  return run;
}

/** Writes into the log, of a run nobody has, until it takes no more. */
async function fillLog(client: Bus): Promise<void> {
  const subject = subjects.note.of({ run: "run_20260101_000000_00000000", client: "filler" });
  for (let bytes = 256 * 1024; bytes >= 1; bytes = Math.floor(bytes / 4)) {
    try {
      for (let n = 0; ; n++) {
        await client.events.note(subject, {
          id: `fill-${bytes}-${n}`,
          payload: Buffer.alloc(bytes),
        });
      }
    } catch (error) {
      if (!isPitayaError(error, "store_full")) throw error;
    }
  }
}

it("a log that is full refuses new runs, keeps live ones waiting, and lets them go on with room", async () => {
  const client = await connect("client-submits");
  const first = await coordinatorNamed("coordinator-1");
  const runner = await fakeRunner(await connect("runner-1"), "runner-1", RUNNER_LEASE_MS);
  const beat = setInterval(() => void runner.heartbeat(), RUNNER_LEASE_MS / 5);
  closing.push(async () => {
    clearInterval(beat);
    runner.stop();
  });
  const run = await submit(client, 1);
  const attempt = await runner.take();

  await fillLog(client);
  await expect(attempt.tell(succeeded())).rejects.toMatchObject({ code: "store_full" });
  await expect(submit(client, 2)).rejects.toMatchObject({ code: "store_full" });
  const stop = subjects.apiRun.of({ run, verb: "stop" });
  const wish = { v: 1, mode: "interrupt", by: "ada", reason: "asked" } as const;
  await expect(ask(client, "stop", stop, wish, 5_000)).rejects.toMatchObject({
    code: "store_full",
  });

  // One that comes now cannot say that it decides, and tries again until it can.
  await first.stop();
  await coordinatorNamed("coordinator-2");
  await provision({ servers: server.url, name: "admin", maxStoreBytes: 256 * MIB });
  expect(await attempt.tell(succeeded())).toBe(true);
  const log = runLog();
  const fold = runView();
  const ending = new AbortController();
  const filters = runEvents(run as Parameters<typeof runEvents>[0]);
  for await (const item of client.events.follow(filters, { signal: ending.signal })) {
    if ("caughtUp" in item) continue;
    for (const event of log.admit(item)) fold.apply(event);
    if (fold.view.phase === "succeeded") break;
  }
  ending.abort();
  const [row] = fold.view.instances.values();
  expect(row?.attempts).toHaveLength(1);
  expect(fold.view.stale).toBe(0);
});

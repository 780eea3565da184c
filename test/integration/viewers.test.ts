import { ask, type Bus, natsBus, provision } from "@pitaya/bus";
import { start } from "@pitaya/coordinator";
import { type FakeAttempt, fakeRunner, sampleRun, succeeded } from "@pitaya/coordinator/testing";
import { makeRunId, runEvents, subjects } from "@pitaya/protocol";
import { runLog, runView } from "@pitaya/views";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNatsProcess, type TestNatsProcess } from "../support/nats.ts";
import { jsonLines, type Person, person, type Running } from "../support/pitaya.ts";

const RUNNER_LEASE_MS = 5_000;
/** Facts of the attempt, told one by one. */
const FACTS = 400;

let server: TestNatsProcess;
let user: Person;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  server = await startNatsProcess();
  await provision({ servers: server.url, name: "admin", maxStoreBytes: 1024 ** 3 });
  user = await person({ PITAYA_NATS_URL: server.url });
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await user.leave();
  await server.stop();
});

async function connect(name: string): Promise<Bus> {
  const bus = await natsBus({ servers: server.url, name });
  closing.push(() => bus.close());
  return bus;
}

/** A coordinator, a runner by hand, and who submits. */
async function controlPlane() {
  const client = await connect("client-submits");
  const coordinator = start({
    ...{ bus: await connect("coordinator-1"), id: "coordinator-1", version: "0.0.0" },
    ...{ log: pino({ level: "silent" }), runnerLeaseMs: RUNNER_LEASE_MS, takeOver: true },
  });
  await coordinator.deciding;
  closing.push(() => coordinator.stop());
  const runner = await fakeRunner(await connect("runner-1"), "runner-1", RUNNER_LEASE_MS);
  const beat = setInterval(() => void runner.heartbeat(), RUNNER_LEASE_MS / 5);
  closing.push(async () => {
    clearInterval(beat);
    runner.stop();
  });

  let runs = 0;
  async function submit() {
    runs += 1;
    const blob = await client.blobs.put(async function* () {
      yield Buffer.from(`bundle ${runs}`);
    });
    const run = makeRunId(new Date(), runs.toString(16).padStart(8, "0"));
    const plain = sampleRun({ run });
    const bundles = plain.base.bundles.map((bundle) => ({ ...bundle, blob }));
    const spec = { ...plain, base: { ...plain.base, bundles } };
    const request = { v: 1 as const, spec, secrets: [] };
    await ask(client, "submit", subjects.api.of({ verb: "submit" }), request, 5_000);
    return { run, attempt: await runner.take() };
  }
  /** Messages of coordinator and runner in the log of a run that has ended, and the last of all. */
  async function ended(run: string): Promise<{ readonly written: number; readonly last: number }> {
    const log = runLog();
    const fold = runView();
    const stop = new AbortController();
    let written = 0;
    const filters = runEvents(run as Parameters<typeof runEvents>[0]);
    for await (const item of client.events.follow(filters, { signal: stop.signal })) {
      if ("caughtUp" in item) continue;
      if (!subjects.note.parse(item.subject)) written += 1;
      for (const event of log.admit(item)) fold.apply(event);
      if (fold.view.phase === "succeeded") break;
    }
    stop.abort();
    return { written, last: fold.view.sequence };
  }
  return { submit, ended };
}

async function tell(attempt: FakeAttempt, facts: number): Promise<void> {
  for (let n = 0; n < facts; n++) {
    await attempt.tell({ type: "output.gap", stream: "stdout", fromOffset: n, toOffset: n + 1 });
  }
}

/** What a viewer has read, without who came to look while it did. */
const seenBy = ({ output }: Running): Record<string, unknown>[] =>
  jsonLines(
    output()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .join("\n"),
  );

it("ten viewers, one frozen and one late, see the same, and the run does not notice them", async () => {
  const { submit, ended } = await controlPlane();
  const alone = await submit();
  await tell(alone.attempt, FACTS);
  await alone.attempt.tell(succeeded());
  const { written } = await ended(alone.run);

  const { run, attempt } = await submit();
  const options = { cwd: user.stateDir.replace(/\/state$/, "") };
  const watchLog = () => user.start(["events", run, "-f", "--json"], options);
  const viewers = Array.from({ length: 7 }, watchLog);
  const attached = [1, 2].map(() => user.start(["attach", run, "--json"], options));
  await Promise.all(viewers.map((viewer) => viewer.saw(/attempt\.claimed/)));
  await Promise.all(attached.map((viewer) => viewer.saw(/task\.scheduled/)));
  const [frozen] = viewers;
  frozen?.process.kill("SIGSTOP");

  await tell(attempt, FACTS / 2);
  viewers.push(watchLog());
  await tell(attempt, FACTS / 2);
  await attempt.tell(succeeded());
  const end = await ended(run);
  expect(end.written).toBe(written);
  expect(frozen?.output()).not.toContain(`"sequence":${end.last},`);

  frozen?.process.kill("SIGCONT");
  const last = new RegExp(`"sequence":${end.last},`);
  await Promise.all(viewers.map((viewer) => viewer.saw(last)));
  const logs = viewers.map((viewer) =>
    seenBy(viewer).filter(({ sequence }) => Number(sequence) <= end.last),
  );
  expect(logs[0]?.length).toBeGreaterThan(FACTS);
  for (const log of logs.slice(1)) expect(log).toEqual(logs[0]);

  const outward = await Promise.all(
    attached.map(async (viewer) => {
      expect((await viewer.finished).code).toBe(0);
      return seenBy(viewer).filter(({ type }) => type !== "run.summary");
    }),
  );
  expect(outward[0]?.at(-1)).toMatchObject({ type: "run.completed" });
  expect(outward[1]).toEqual(outward[0]);
  for (const viewer of viewers) viewer.process.kill("SIGINT");
  for (const viewer of viewers) expect((await viewer.finished).code).toBe(0);
});

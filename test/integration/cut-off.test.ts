import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { RunId } from "@pitaya/protocol";
import type { RunView } from "@pitaya/views";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AttemptEvents, attemptEvents } from "../support/attempt-events.ts";
import { containersOf, WAIT } from "../support/runner-programs.ts";
import { type WatchedFleet, type WatchedRunner, watchedFleet } from "../support/watched-fleet.ts";

const LEASE_MS = 3_000;
/** A user's two minutes, in leases: by hand, `BUS_DOWN_MS=120000`. */
const BUS_DOWN_MS = Number(process.env["BUS_DOWN_MS"] ?? 3 * LEASE_MS);
const ids = ["a", "b"].map((which) => `cut-${which}${randomBytes(4).toString("hex")}`);

let fleet: WatchedFleet;
let engine: AttemptEvents;
let runners: readonly WatchedRunner[];
beforeAll(async () => {
  fleet = await watchedFleet({ runners: ids, leaseMs: LEASE_MS });
  engine = await attemptEvents(ids);
  runners = await Promise.all(ids.map((id) => fleet.startRunner(id, 10)));
});
afterAll(async () => {
  engine?.stop();
  await fleet?.close();
});

const attemptsOf = (view: RunView) => [...view.instances.values()].flatMap((row) => row.attempts);
const endsOf = (view: RunView) =>
  attemptsOf(view).map(({ attempt, end }) => `${attempt} ${end?.type ?? "live"}`);
const haveStarted =
  (count: number, attempt = 1) =>
  (view: RunView) =>
    attemptsOf(view).filter((a) => a.attempt === attempt && a.startedAt !== undefined).length ===
    count;
const isOver = (view: RunView) => view.phase === "succeeded" || view.phase === "failed";

/** A run whose agents all work, and those of them that are on the runner with most of them. */
async function working(executions: number) {
  const run = await fleet.submit(executions);
  const view = await fleet.until(run, haveStarted(executions));
  const rows = [...view.instances.values()];
  const on = (runner: WatchedRunner | undefined) =>
    rows.flatMap(({ instance, attempts }) =>
      attempts[0]?.runner === runner?.id ? [instance] : [],
    );
  const [other, victim] = runners.toSorted((a, b) => on(a).length - on(b).length);
  if (victim === undefined || other === undefined) throw new Error("there are two runners");
  const instances = on(victim);
  const happened = async (action: string, runner: WatchedRunner, which = instances) => {
    const one = async (instance: string) => {
      const [event] = await engine.happened(1, { action, instance, runner: runner.id });
      return event?.atNs ?? 0;
    };
    return Promise.all(which.map(one));
  };
  return { run, victim, other, instances, happened };
}

/** All agents of it are told to end, and it does. */
async function ended(run: RunId): Promise<RunView> {
  for (const { id } of runners) await fleet.tellAgents(id);
  return fleet.until(run, isOver);
}

const factsOf = async (run: RunId) =>
  (await fleet.events(run)).flatMap((event) => (event.kind === "fact" ? [event.fact.type] : []));

describe("a runner that is cut off", () => {
  it("and comes back in time has its agents go on", async () => {
    const { run, victim, instances, happened } = await working(2);
    victim.link.cut();
    await happened("pause", victim);
    victim.link.mend();
    await happened("unpause", victim);
    expect(endsOf(await ended(run))).toEqual(["1 attempt.succeeded", "1 attempt.succeeded"]);
    const facts = await factsOf(run);
    expect(facts.filter((type) => type === "attempt.paused").length).toBeGreaterThanOrEqual(
      instances.length,
    );
  });

  it("has paused its agents before another runner begins with their work, and never goes on with them", async () => {
    const { run, victim, other, instances, happened } = await working(3);
    victim.link.cut();
    const paused = await happened("pause", victim);
    const begun = await happened("start", other);
    for (const [index] of instances.entries()) {
      expect(paused[index]).toBeLessThan(begun[index] ?? 0);
    }
    victim.link.mend();
    await expect.poll(() => containersOf(victim.id), WAIT).toEqual([]);
    const unpaused = engine.all.filter(
      ({ action, instance, runner }) =>
        action === "unpause" && runner === victim.id && instances.includes(instance),
    );
    expect(unpaused).toEqual([]);
    const ends = endsOf(await ended(run));
    expect(ends.filter((end) => end === "1 sealed")).toHaveLength(instances.length);
    expect(ends.filter((end) => end.includes("succeeded"))).toHaveLength(3);
  });
});

describe("a runner that is frozen", () => {
  it.each([
    ["runner-agent", "warden", 0],
    ["warden", "runner-agent", 1],
  ] as const)(
    "in its %s has its agents paused by its %s, and nothing of them counts",
    async (...[, , which]) => {
      const { run, victim, other, instances, happened } = await working(1);
      const frozen = (await victim.pids())[which];
      process.kill(frozen, "SIGSTOP");
      const [paused] = await happened("pause", victim);
      const [begun] = await happened("start", other);
      expect(paused).toBeLessThan(begun ?? 0);
      process.kill(frozen, "SIGCONT");
      await expect.poll(() => containersOf(victim.id), WAIT).toEqual([]);
      expect(endsOf(await ended(run))).toEqual(["1 sealed", "2 attempt.succeeded"]);
      expect(instances).toHaveLength(1);
    },
  );

  it("in both says so afterwards, and what its agent made meanwhile does not count", async () => {
    const { run, victim, other, instances, happened } = await working(3);
    const pids = await victim.pids();
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    await happened("start", other);
    const [quick] = instances;
    await fleet.tellAgents(victim.id, quick);
    await happened("die", victim, instances.slice(0, 1));
    for (const pid of pids) process.kill(pid, "SIGCONT");
    await expect.poll(() => containersOf(victim.id), WAIT).toEqual([]);
    expect(victim.logged()).toContain("ran on after the lease had lapsed");
    const ends = endsOf(await ended(run));
    expect(ends.filter((end) => end === "1 sealed")).toHaveLength(instances.length);
    expect(ends.filter((end) => end.includes("succeeded"))).toHaveLength(3);
    expect((await factsOf(run)).filter((type) => type === "attempt.succeeded")).toHaveLength(3);
  });
});

it("a bus that is down for many leases under ten busy agents kills none of them and loses none", async () => {
  const run = await fleet.submit(10);
  const view = await fleet.until(run, haveStarted(10));
  const instances = [...view.instances.keys()];
  const before = engine.all.length;
  await fleet.nats.kill9();
  await Promise.all(instances.map((instance) => engine.happened(1, { action: "pause", instance })));
  // Time itself is what is tried here.
  await delay(BUS_DOWN_MS);
  await fleet.nats.start();
  await Promise.all(
    instances.map((instance) => engine.happened(1, { action: "unpause", instance })),
  );
  expect(engine.all.slice(before).filter(({ action }) => action === "die")).toEqual([]);
  expect(endsOf(await ended(run))).toEqual(Array.from({ length: 10 }, () => "1 attempt.succeeded"));
}, 300_000);

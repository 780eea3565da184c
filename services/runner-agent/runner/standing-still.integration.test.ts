import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instanceId } from "@pitaya/protocol";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { type FakeScript, fakeExecutor } from "../testing/fake-executor.ts";
import { lapsingLease } from "../testing/lapsing-lease.ts";
import { eventually, patientAgent, RUN, runnerHarness } from "../testing/runner-harness.ts";

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-standing-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const LIMITS = {
  finalGraceMs: 10_000,
  killGraceMs: 50,
  harvestTimeoutMs: 30_000,
  collectTimeoutMs: 60_000,
  goneTimeoutMs: 30_000,
  pauseMaxMs: 600_000,
};

interface Over {
  readonly pauseMaxMs?: number;
  readonly leaseMs?: number;
}

async function harness(script: FakeScript, { pauseMaxMs = LIMITS.pauseMaxMs, leaseMs }: Over = {}) {
  const executor = fakeExecutor({ script });
  const lease = lapsingLease();
  const limits = { ...LIMITS, pauseMaxMs };
  const settings = { limits, ...(leaseMs !== undefined && { leaseMs }) };
  const made = await runnerHarness({ base, executor, lease, settings });
  onTestFinished(() => {
    lease.hold();
    return made.close();
  });
  const verbs = () => executor.calls.map((call) => call.split(" ")[0]);
  return { ...made, executor, lease, verbs };
}

/** An agent that has committed and waits, on a runner whose lease has lapsed. */
async function lapsed(over: Over = {}) {
  const agent = patientAgent();
  const bundle = await base.bundleOf({ "a.txt": "a\n" });
  const h = await harness((fake) => {
    fake.commit(bundle);
    return agent.script(fake);
  }, over);
  const runner = await h.start();
  await h.order("one");
  await h.fact("attempt.started", "one");
  await h.lease.lapse();
  await h.fact("attempt.paused", "one");
  expect(await h.executor.list()).toMatchObject([{ state: "paused" }]);
  return { ...h, go: agent.go, runner };
}

it("goes on when the coordinator has confirmed it and the lease is held, not before", async () => {
  const h = await lapsed();
  await h.confirm("one");
  await eventually(() => h.isQueued("confirm")).toBe(false);
  expect(h.verbs()).not.toContain("unpause");
  h.lease.hold();
  await h.fact("attempt.unpaused", "one");
  h.go();
  expect(await h.fact("attempt.succeeded", "one")).toMatchObject({ work: { commits: 1 } });
  expect((await h.story("one")).slice(4)).toEqual([
    "00000001 attempt.started",
    "00000001 attempt.paused",
    "00000001 attempt.unpaused",
    "00000001 harvesting",
    "00000001 uploading",
    "00000001 attempt.succeeded",
  ]);
});

it("is listed in the heartbeat while it stands still", async () => {
  const h = await lapsed();
  const attempts = [{ run: RUN, instance: instanceId(RUN, "s1", "one"), attempt: 1 }];
  await eventually(h.liveness).toMatchObject({ attempts, slotsUsed: 1 });
});

it("starts nothing without the lease", async () => {
  const agent = patientAgent();
  const h = await harness(agent.script);
  await h.start();
  await h.lease.lapse();
  await h.order("one");
  await h.entered("running", "one");
  expect(h.verbs()).toEqual(["prepare"]);
  h.lease.hold();
  await h.fact("attempt.started", "one");
});

it("does not go on when it was sealed meanwhile, though a confirmation comes and the lease is held", async () => {
  const h = await lapsed();
  await h.seal("one");
  // It cannot have been sealed but that the lease lapsed anew; so the pause is told anew.
  await h.lease.lapse();
  await h.confirm("one");
  h.lease.hold();
  await eventually(() => h.executor.list()).toEqual([]);
  expect(h.verbs()).not.toContain("unpause");
  expect((await h.story("one")).at(-1)).toBe("coordinator lost");
});

it("is adopted standing, told anew, and confirmed", async () => {
  const h = await lapsed();
  await h.runner.stop("leave");
  h.lease.hold();
  await h.start();
  await eventually(async () => (await h.story("one")).slice(6)).toEqual([
    "00000002 attempt.adopted",
    "00000002 running",
    "00000002 attempt.paused",
  ]);
  await h.confirm("one");
  await h.fact("attempt.unpaused", "one");
  h.go();
  expect(await h.fact("attempt.succeeded", "one")).toMatchObject({ work: { commits: 1 } });
});

it("found running at the start is paused first, since nobody knows whether the lease was held", async () => {
  const agent = patientAgent();
  const h = await harness(agent.script);
  const first = await h.start();
  await h.order("one");
  await h.fact("attempt.started", "one");
  await first.stop("leave");
  expect(await h.executor.list()).toMatchObject([{ state: "running" }]);
  await h.start();
  await h.fact("attempt.paused", "one");
  await h.confirm("one");
  await h.fact("attempt.unpaused", "one");
  agent.go();
  await h.fact("attempt.succeeded", "one");
});

it("paused by somebody else, is found so, told, and goes on", async () => {
  const agent = patientAgent();
  const h = await harness(agent.script, { leaseMs: 100 });
  await h.start();
  await h.order("one");
  await h.fact("attempt.started", "one");
  const [attempt] = await h.executor.list();
  if (attempt === undefined) throw new Error("nothing runs");
  await h.executor.pause(attempt.name);
  await h.fact("attempt.paused", "one");
  await h.confirm("one");
  await h.fact("attempt.unpaused", "one");
  agent.go();
  await h.fact("attempt.succeeded", "one");
});

it("told to stop while it stands still, it goes on to be ended, and its work is kept", async () => {
  const h = await lapsed();
  await h.cancel("one", "interrupt");
  await eventually(() => h.isQueued('"cancel"')).toBe(false);
  expect(h.verbs()).not.toContain("unpause");
  h.lease.hold();
  expect(await h.fact("attempt.failed", "one")).toMatchObject({
    error: { code: "interrupted" },
    work: { commits: 1 },
  });
});

it("that stands still for too long is killed where it stands, and its work is kept", async () => {
  const h = await lapsed({ pauseMaxMs: 200 });
  expect(await h.fact("attempt.failed", "one")).toMatchObject({
    error: { code: "runner_lost", retryable: true },
    work: { commits: 1 },
  });
  expect(h.verbs()).not.toContain("unpause");
});

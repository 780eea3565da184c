import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock } from "@pitaya/actors";
import { encode } from "@pitaya/bus";
import { FactMessage, instanceId, messageIds, subjects } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { type FakeScript, fakeExecutor } from "../testing/fake-executor.ts";
import {
  eventually,
  pass,
  patientAgent,
  RUN,
  RUNNER,
  runnerHarness,
} from "../testing/runner-harness.ts";

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-adoption-base-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function harness(
  script: FakeScript,
  over: Partial<Parameters<typeof runnerHarness>[0]> = {},
) {
  const executor = over.executor ?? fakeExecutor({ script });
  const made = await runnerHarness({ base, ...over, executor });
  onTestFinished(() => made.close());
  return { ...made, executor };
}

const instance = instanceId(RUN, "s1", "one");
const text = (
  messages: readonly { payload: Uint8Array; headers: Readonly<Record<string, string>> }[],
) =>
  messages
    .filter(({ headers }) => headers["Pitaya-Kind"] === "bytes")
    .map(({ payload }) => Buffer.from(payload).toString())
    .join("");

describe("a restarted runner-agent", () => {
  it("goes on with an agent that runs, and lists it in its first heartbeat", async () => {
    const agent = patientAgent();
    const bundle = await base.bundleOf({ "a.txt": "a\n" });
    const h = await harness(async (fake) => {
      fake.commit(bundle);
      return agent.script(fake);
    });
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    expect(await h.executor.list()).toMatchObject([{ state: "running" }]);
    await h.start();
    expect(await h.liveness()).toMatchObject({
      incarnation: "00000002",
      attempts: [{ run: RUN, instance, attempt: 1 }],
      slotsUsed: 1,
    });
    agent.go();
    const end = await h.fact("attempt.succeeded", "one");
    expect(end).toMatchObject({ work: { commits: 1 }, finalMessage: { inline: "at last" } });
    expect((await h.story("one")).slice(5)).toEqual([
      "00000002 attempt.adopted",
      "00000002 running",
      "00000002 harvesting",
      "00000002 uploading",
      "00000002 attempt.succeeded",
    ]);
    expect((await h.chain("one")).filter(({ by }) => by === "00000002").map(({ n }) => n)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  it("reads on where it was, so that output is whole and nothing is there twice", async () => {
    const said = Array.from({ length: 500 }, (_, n) => `say line ${n} ${"x".repeat(n)}\n`);
    let speak = () => {};
    const h = await harness((agent) => {
      for (const line of said.slice(0, 100)) agent.write("stdout", line);
      agent.write("stdout", "say an unfinished li");
      return new Promise((resolve) => {
        speak = () => {
          agent.write("stdout", "ne\n");
          agent.write("stderr", "warning\n");
          for (const line of said.slice(100)) agent.write("stdout", line);
          agent.write("stdout", "done\n");
          resolve(0);
        };
      });
    });
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    await h.start();
    speak();
    await h.fact("attempt.succeeded", "one");
    const messages = await h.output("one");
    const of = (stream: string) =>
      text(messages.filter(({ headers }) => headers["Pitaya-Stream"] === stream));
    const whole = [...said.slice(0, 100), "say an unfinished line\n", ...said.slice(100), "done\n"];
    expect(of("stdout")).toBe(whole.join(""));
    expect(of("stderr")).toBe("warning\n");
    const records = messages
      .filter(({ headers }) => headers["Pitaya-Kind"] === "records")
      .flatMap(({ payload }) => JSON.parse(Buffer.from(payload).toString()).records);
    expect(records.map(({ text = "" }) => text.split(" ").slice(0, 2).join(" "))).toEqual(
      whole
        .slice(0, -1)
        .map((line) => line.trim().split(" ").slice(1, 3).join(" "))
        .concat(""),
    );
  });

  it("goes on with an agent that has ended meanwhile", async () => {
    const agent = patientAgent();
    const h = await harness(agent.script);
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    agent.go();
    await eventually(() => h.executor.list()).toMatchObject([{ state: "exited" }]);
    await h.start();
    expect(await h.fact("attempt.succeeded", "one")).toMatchObject({
      finalMessage: { inline: "at last" },
    });
  });

  it("says so where the container is gone", async () => {
    const h = await harness(patientAgent().script);
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    await h.executor.remove({ runId: RUN, instanceId: instance, attempt: 1 });
    await h.start();
    expect(await h.fact("attempt.failed", "one")).toMatchObject({
      error: { code: "runner_lost", retryable: true },
    });
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
  });

  it("starts over inside the attempt where no container ever ran", async () => {
    const executor = fakeExecutor({ script: patientAgent().script });
    let isStuck = true;
    const stuck = {
      ...executor,
      storePack: (...pack: Parameters<typeof executor.storePack>) =>
        isStuck ? new Promise<void>(() => {}) : executor.storePack(...pack),
    };
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(patientAgent().script, { executor: stuck, clock });
    const first = await h.start();
    await h.order("one");
    await h.entered("fetching", "one");
    const stopped = first.stop("leave");
    await pass(clock, 6_000);
    await stopped;
    isStuck = false;
    await h.start();
    await h.fact("attempt.started", "one");
    expect(await h.story("one")).toEqual([
      "00000001 attempt.claimed",
      "00000001 fetching",
      "00000002 attempt.adopted",
      "00000002 fetching",
      "00000002 preparing",
      "00000002 running",
      "00000002 attempt.started",
    ]);
  });

  it("takes up a claim that was not written down when its start comes again", async () => {
    const h = await harness(patientAgent().script);
    const { run, attempt, at } = h.orderOf("one", {});
    const incarnation = "0000dead";
    const payload = encode(FactMessage, {
      ...{ v: 1, by: "runner", run, instance, attempt, at, runner: RUNNER, incarnation, n: 1 },
      fact: { type: "attempt.claimed" },
    } as never);
    const id = messageIds.fact(run, instance, attempt, incarnation, 1);
    const subject = subjects.fact.of({ runner: RUNNER, run, instance, attempt: "1" });
    await h.bus.events.append(subject, { id, payload, expectedLast: 0 });
    await h.order("one");
    await h.start();
    await h.fact("attempt.started", "one");
    expect((await h.story("one")).slice(0, 3)).toEqual([
      "0000dead attempt.claimed",
      "00000001 attempt.adopted",
      "00000001 fetching",
    ]);
  });

  it("ends what was sealed while it was away, and says nothing", async () => {
    const h = await harness(patientAgent().script);
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    await h.seal("one");
    await h.start();
    expect(await h.liveness()).toMatchObject({ attempts: [] });
    await eventually(() => h.executor.list()).toEqual([]);
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
    expect((await h.story("one")).at(-1)).toBe("coordinator lost");
  });

  it("ends what is sealed in the moment it is adopted", async () => {
    const h = await harness(patientAgent().script);
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    const own = h.broker.connect(RUNNER);
    const append = async (...args: Parameters<typeof own.events.append>) => {
      await h.seal("one");
      return own.events.append(...args);
    };
    await h.start({}, { ...own, events: { ...own.events, append } });
    expect(await h.liveness()).toMatchObject({ attempts: [] });
    await eventually(() => h.executor.list()).toEqual([]);
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
    expect((await h.story("one")).at(-1)).toBe("coordinator lost");
  });

  it("remembers that an agent was being stopped", async () => {
    const h = await harness((agent) => {
      agent.ignoreTerm();
      return new Promise(() => {});
    });
    const first = await h.start({
      limits: {
        finalGraceMs: 1,
        killGraceMs: 60_000,
        harvestTimeoutMs: 1,
        collectTimeoutMs: 60_000,
        goneTimeoutMs: 1_000,
        pauseMaxMs: 600_000,
      },
    });
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.cancel("one");
    await eventually(() => h.isQueued('"verb":"cancel"')).toBe(false);
    await first.stop("leave");
    await h.executor.remove({ runId: RUN, instanceId: instance, attempt: 1 });
    await h.start();
    expect(await h.fact("attempt.failed", "one")).toMatchObject({ error: { code: "cancelled" } });
  });

  it("does nothing but clean up after an attempt that had told its end", async () => {
    const executor = fakeExecutor({
      script: async (agent) => {
        agent.write("stdout", "done\n");
        return 0;
      },
    });
    let isStuck = true;
    const stuck = {
      ...executor,
      remove: (...name: Parameters<typeof executor.remove>) =>
        isStuck ? Promise.reject(new Error("engine down")) : executor.remove(...name),
    };
    const h = await harness(async () => 0, { executor: stuck });
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.succeeded", "one");
    await first.stop("leave");
    isStuck = false;
    await h.start();
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
    expect(await executor.list()).toEqual([]);
    expect((await h.story("one")).at(-1)).toBe("00000001 attempt.succeeded");
  });
});

describe("an incarnation that was thought dead", () => {
  it("tells nothing more of what a later one has adopted, and leaves its container alone", async () => {
    const agent = patientAgent();
    const h = await harness(agent.script);
    await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.start();
    await h.fact("attempt.adopted", "one");
    agent.go();
    await h.fact("attempt.succeeded", "one");
    const after = (await h.story("one")).slice(5);
    expect(after[0]).toBe("00000002 attempt.adopted");
    expect(after.every((line) => line.startsWith("00000002 "))).toBe(true);
  });

  it("lets go of everything when its lease is another's", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(patientAgent().script, { clock });
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.start();
    await pass(clock, 4_000);
    await first.superseded;
    expect(await h.liveness()).toMatchObject({ incarnation: "00000002" });
    expect(await h.executor.list()).toMatchObject([{ state: "running" }]);
  });
});

import { setImmediate as turn } from "node:timers/promises";
import { manualClock } from "@pitaya/actors";
import { ProcessId } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { FromWarden } from "./messages.ts";
import { tickEveryMs } from "./pausing.rules.ts";
import { warden } from "./warden.ts";

const LEASE_MS = 12_000;
const EVERY_MS = 3_000;
/** Of a lease, until when containers may run. */
const MAY_RUN_MS = 8_000;

const name = (attempt: number) => ({ runId: "run", instanceId: "i", attempt });
const liveness = (lastStart = 0) => ({
  v: 1 as const,
  runner: ProcessId.parse("r1"),
  incarnation: "aaaaaaaa",
  attempts: [],
  lastStart,
  slotsUsed: 0,
});

/** An engine with containers that run, and how long it takes to pause one. */
function setUp({ isSuccessor = false, renewMs = 0 } = {}) {
  const time = manualClock(1_000_000);
  const startMs = time.now();
  let thawsAtMs = 0;
  const clock = { ...time, now: () => Math.max(time.now(), thawsAtMs) };
  const since = () => clock.now() - startMs;
  const after = (ms: number) => new Promise<void>((done) => clock.setTimer(ms, done));
  const renewed: { readonly atMs: number; readonly lastStart: number }[] = [];
  const reports: (FromWarden & { readonly atMs: number })[] = [];
  const engine = {
    running: new Set([1, 2]),
    paused: new Set<number>(),
    pausedAt: new Map<number, number>(),
    slowMs: 0,
    failure: undefined as Error | undefined,
  };
  const bus = { answer: "held" as "held" | "superseded" | "away", released: false };
  const watch = warden({
    lease: {
      async renew(value) {
        renewed.push({ atMs: since(), lastStart: value.lastStart });
        if (renewMs > 0) await after(renewMs);
        if (bus.answer === "away") throw new Error("no server");
        return bus.answer;
      },
      async isOthers() {
        if (bus.answer === "away") throw new Error("no server");
        return bus.answer === "superseded";
      },
      release: async () => {
        bus.released = true;
      },
    },
    leaseMs: LEASE_MS,
    isSuccessor,
    containers: {
      async standStill() {
        if (engine.slowMs > 0) await after(engine.slowMs);
        if (engine.failure) throw engine.failure;
        const stopped = [...engine.running];
        for (const attempt of stopped) {
          engine.paused.add(attempt);
          engine.pausedAt.set(attempt, since());
        }
        engine.running.clear();
        return { standing: [...engine.paused].map(name), stopped: stopped.map(name) };
      },
    },
    clock,
    report: (message) => void reports.push({ ...message, atMs: since() }),
  });
  return {
    renewed,
    engine,
    bus,
    watch,
    since,
    of: (type: FromWarden["type"]) => reports.filter((report) => report.type === type),
    /** What it told of pauses: attempts, and how long they ran on. */
    told: () =>
      reports.flatMap((r) =>
        r.type === "paused" ? [[r.attempts.map(({ attempt }) => attempt), r.overranMs]] : [],
      ),
    /** Time passes, with or without the main loop going round. */
    async pass(ms: number, ticking: boolean) {
      for (let left = ms; left > 0; left -= 100) {
        if (ticking && since() % tickEveryMs(LEASE_MS) === 0) watch.tick(liveness(since()));
        await turn();
        time.advance(100);
        await turn();
      }
    },
    /** Both processes stand still: whatever was due meanwhile is done at the end of it. */
    async freeze(ms: number) {
      thawsAtMs = time.now() + ms;
      time.advance(ms);
      await turn();
    },
  };
}

describe("the lease", () => {
  it("is renewed four times in its length while the main loop goes round, with what it said last", async () => {
    const { renewed, of, pass, engine } = setUp();
    await pass(LEASE_MS + 100, true);
    expect(renewed.map(({ atMs }) => atMs)).toEqual([0, 1, 2, 3, 4].map((n) => n * EVERY_MS));
    expect(renewed.every(({ atMs, lastStart }) => atMs - lastStart <= EVERY_MS / 2)).toBe(true);
    expect(of("held").at(-1)).toMatchObject({ untilMs: 1_000_000 + LEASE_MS + MAY_RUN_MS });
    expect(engine.paused.size).toBe(0);
  });

  it("is not taken before the main loop has gone round once", async () => {
    const { renewed, pass } = setUp();
    await pass(LEASE_MS, false);
    expect(renewed).toEqual([]);
  });

  it("lapses when the main loop stands still, and is held again when it moves", async () => {
    const { renewed, of, pass } = setUp();
    await pass(EVERY_MS, true);
    const before = renewed.length;
    await pass(3 * LEASE_MS, false);
    expect(renewed.length - before).toBeLessThanOrEqual(1);
    expect(of("trouble").at(-1)).toMatchObject({
      message: expect.stringContaining("stood still"),
    });
    await pass(LEASE_MS, true);
    expect(renewed.length - before).toBeGreaterThanOrEqual(4);
  });

  it("is another incarnation's when this one stands still: its containers are left alone", async () => {
    const { of, pass, bus, engine } = setUp();
    await pass(100, true);
    await pass(LEASE_MS, false);
    expect(engine.paused.size).toBe(2);
    bus.answer = "superseded";
    await pass(LEASE_MS / 10, false);
    engine.running.add(3);
    await pass(LEASE_MS, false);
    expect([...engine.running]).toEqual([3]);
    expect(of("superseded")).toHaveLength(1);
  });

  it("is another incarnation's: it stops for good, and leaves the containers alone", async () => {
    const { renewed, of, pass, bus, engine, watch } = setUp();
    bus.answer = "superseded";
    await pass(LEASE_MS, true);
    expect(renewed).toHaveLength(1);
    expect(of("superseded")).toHaveLength(1);
    await watch.end(false);
    await watch.abandoned();
    expect([...engine.running]).toEqual([1, 2]);
  });
});

describe("containers", () => {
  it.each([
    ["the bus is away", true],
    ["the main loop stands still", false],
  ])("are paused a third of the lease before it lapses when %s", async (_, ticking) => {
    const { engine, bus, pass, told, renewed } = setUp();
    await pass(100, true);
    bus.answer = ticking ? "away" : "held";
    await pass(LEASE_MS, ticking);
    const renewedAt = ticking ? 0 : (renewed.at(-1)?.atMs ?? 0);
    expect([...engine.pausedAt.values()]).toEqual([renewedAt + MAY_RUN_MS, renewedAt + MAY_RUN_MS]);
    expect(told()).toEqual([[[1, 2], undefined]]);
  });

  it("count from when the renewal was sent, not from when it was answered", async () => {
    const { engine, bus, pass } = setUp({ renewMs: 2_000 });
    await pass(2_100, true);
    bus.answer = "away";
    await pass(LEASE_MS, true);
    expect(engine.pausedAt.get(1)).toBe(MAY_RUN_MS);
  });

  it("are not held by an answer that came too late, which is asked for again at once", async () => {
    const { of, pass, told, renewed } = setUp({ renewMs: MAY_RUN_MS + 500 });
    await pass(2 * MAY_RUN_MS + 1_100, true);
    expect(of("held")).toEqual([]);
    expect(told()).toEqual([[[1, 2], undefined]]);
    expect(renewed.map(({ atMs }) => atMs)).toEqual([0, 1, 2].map((n) => n * (MAY_RUN_MS + 500)));
  });

  it("run on over one renewal that fails", async () => {
    const { engine, bus, pass } = setUp();
    await pass(EVERY_MS - 100, true);
    bus.answer = "away";
    await pass(EVERY_MS, true);
    bus.answer = "held";
    await pass(2 * LEASE_MS, true);
    expect(engine.paused.size).toBe(0);
  });

  it("that the engine was starting are paused too, for as long as the lease is not held", async () => {
    const { engine, bus, pass, told } = setUp();
    await pass(100, true);
    bus.answer = "away";
    await pass(MAY_RUN_MS, true);
    engine.running.add(3);
    await pass(LEASE_MS / 10 + 100, true);
    expect([...engine.paused]).toEqual([1, 2, 3]);
    expect(told()).toEqual([
      [[1, 2], undefined],
      [[3], undefined],
    ]);
    bus.answer = "held";
    await pass(EVERY_MS, true);
    engine.running.add(4);
    await pass(LEASE_MS, true);
    expect([...engine.running]).toEqual([4]);
  });

  it("that still stand when the lease lapses anew are told of anew", async () => {
    const { bus, pass, told } = setUp();
    await pass(100, true);
    for (const answer of ["away", "held", "away"] as const) {
      bus.answer = answer;
      await pass(LEASE_MS, true);
    }
    expect(told()).toEqual([
      [[1, 2], undefined],
      [[1, 2], undefined],
    ]);
  });

  it("are paused by an engine as slow as the third of a lease, in time", async () => {
    const { engine, bus, pass, told } = setUp();
    engine.slowMs = LEASE_MS - MAY_RUN_MS;
    await pass(100, true);
    bus.answer = "away";
    await pass(2 * LEASE_MS, true);
    expect(engine.pausedAt.get(1)).toBe(LEASE_MS);
    expect(told()).toEqual([[[1, 2], undefined]]);
  });

  it("that ran beyond the lease, since everything but the engine stood still, are told of as such", async () => {
    const { pass, freeze, told } = setUp();
    await pass(100, true);
    await freeze(3 * LEASE_MS);
    expect(told()).toEqual([[[1, 2], 2 * LEASE_MS + 100]]);
  });

  it("are paused when the engine answers again", async () => {
    const { engine, bus, pass, of } = setUp();
    engine.failure = new Error("no engine");
    await pass(100, true);
    bus.answer = "away";
    await pass(LEASE_MS, true);
    expect(of("trouble").some((r) => "message" in r && r.message.includes("no engine"))).toBe(true);
    engine.failure = undefined;
    await pass(LEASE_MS / 10, true);
    expect(engine.paused.size).toBe(2);
  });

  it("are paused at once when the runner-agent is gone, or leaves them to the next one", async () => {
    for (const leave of ["abandoned", "end"] as const) {
      const { engine, pass, watch } = setUp();
      await pass(100, true);
      await watch[leave](false);
      expect([...engine.paused]).toEqual([1, 2]);
    }
  });

  it("are left alone when the runner ends with all it had", async () => {
    const { engine, bus, pass, watch } = setUp();
    await pass(100, true);
    await watch.end(true);
    expect(engine.paused.size).toBe(0);
    expect(bus.released).toBe(true);
  });

  it("that a warden before it paused without a word are told of by the one after it", async () => {
    const { engine, pass, told } = setUp({ isSuccessor: true });
    engine.running.clear();
    engine.paused.add(7);
    await pass(200, true);
    expect(told()).toEqual([[[7], undefined]]);
  });
});

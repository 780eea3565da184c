import { instanceId, meets } from "@pitaya/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Demand, placements, queueOrder, type RunnerCapacity } from "./scheduler.ts";

const demand = (run: string, queued: number, live = 0, maxParallel?: number): Demand => ({
  run,
  queued: Array.from({ length: queued }, (_, i) => `${run}-${i}`),
  live,
  maxParallel,
  starting: 0,
  maxStarting: undefined,
});
const runner = (name: string, slots: number, used = 0): RunnerCapacity => ({
  runner: name,
  slots,
  used,
});

describe("placements", () => {
  it("gives a run of one its slot beside a run of five hundred", () => {
    const placed = placements([demand("big", 500), demand("small", 1)], [runner("a", 4)]);
    expect(placed.map((p) => p.run)).toContain("small");
    expect(placed).toHaveLength(4);
  });

  it("never goes over a run's own limit", () => {
    expect(placements([demand("r", 5, 1, 2)], [runner("a", 10)])).toHaveLength(1);
    expect(placements([demand("r", 5, 2, 2)], [runner("a", 10)])).toHaveLength(0);
  });

  it("has no more of a run starting at once than it may, whatever else there is room for", () => {
    const asked = { ...demand("r", 9, 5), starting: 2, maxStarting: 3 };
    expect(placements([asked], [runner("a", 20)])).toHaveLength(1);
    expect(placements([{ ...asked, starting: 3 }], [runner("a", 20)])).toHaveLength(0);
    expect(placements([{ ...asked, starting: 0 }], [runner("a", 20)])).toHaveLength(3);
    expect(placements([{ ...asked, starting: 0, maxParallel: 7 }], [runner("a", 20)])).toHaveLength(
      2,
    );
    const other = { ...demand("s", 2), starting: 0, maxStarting: 1 };
    const placed = placements([{ ...asked, starting: 3 }, other], [runner("a", 20)]);
    expect(placed.map(({ run }) => run)).toEqual(["s"]);
  });

  it("spreads over runners by free slots", () => {
    const placed = placements([demand("r", 4)], [runner("a", 4, 3), runner("b", 4)]);
    expect(placed.map((p) => p.runner)).toEqual(["b", "b", "b", "a"]);
  });

  it("places nothing where there is no runner or no slot", () => {
    expect(placements([demand("r", 1)], [])).toEqual([]);
    expect(placements([demand("r", 1)], [runner("a", 2, 2), runner("b", 1, 3)])).toEqual([]);
  });

  it("gives an instance only to who offers what it requires, and lets others pass it", () => {
    const gpu = { pool: "gpu", labels: { zone: "a" } };
    expect(meets(gpu, undefined)).toBe(true);
    expect(meets(gpu, { pool: "gpu", labels: { zone: "a" } })).toBe(true);
    expect(meets(gpu, { pool: "cpu" })).toBe(false);
    expect(meets(gpu, { labels: { zone: "b" } })).toBe(false);
    expect(meets(gpu, { labels: { rack: "1" } })).toBe(false);

    const mayRun = (instance: string, runner: string) => instance !== "r-0" || runner === "b";
    const queue = { ...demand("r", 3), mayRun };
    expect(placements([queue], [runner("a", 5), runner("b", 1, 1)])).toEqual([
      { run: "r", instance: "r-1", runner: "a" },
      { run: "r", instance: "r-2", runner: "a" },
    ]);
    expect(placements([queue], [runner("a", 2), runner("b", 1)])[0]).toEqual({
      ...{ run: "r", instance: "r-0", runner: "b" },
    });
  });

  it("uses every slot it may and none twice, in the order of the queue", () => {
    const demands = fc.array(
      fc.record({
        queued: fc.nat(12),
        live: fc.nat(5),
        max: fc.option(fc.integer({ min: 1, max: 8 })),
      }),
      { maxLength: 6, size: "max" },
    );
    const runners = fc.array(fc.record({ slots: fc.nat(6), used: fc.nat(7) }), { maxLength: 5 });
    fc.assert(
      fc.property(demands, runners, (ds, rs) => {
        const asked = ds.map((d, i) => demand(`run-${i}`, d.queued, d.live, d.max ?? undefined));
        const offered = rs.map((r, i) => runner(`runner-${i}`, r.slots, r.used));
        const placed = placements(asked, offered);
        const room = asked.reduce((sum, d) => {
          const left = (d.maxParallel ?? Number.POSITIVE_INFINITY) - d.live;
          return sum + Math.max(0, Math.min(d.queued.length, left));
        }, 0);
        const free = offered.reduce((sum, r) => sum + Math.max(0, r.slots - r.used), 0);
        expect(placed).toHaveLength(Math.min(room, free));
        for (const { run, queued } of asked) {
          const mine = placed.filter((p) => p.run === run).map((p) => p.instance);
          expect(mine).toEqual(queued.slice(0, mine.length));
        }
        for (const r of offered) {
          const here = placed.filter((p) => p.runner === r.runner).length;
          expect(here).toBeLessThanOrEqual(Math.max(0, r.slots - r.used));
        }
      }),
    );
  });
});

describe("queueOrder", () => {
  const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
  const queueOf = (run: string) => keys.map((key) => instanceId(run, "s1", key));
  const drawn = (run: string) => {
    const queue = queueOf(run);
    return queueOrder(queue, { randomQueue: true }).map((each) => queue.indexOf(each as never));
  };

  it("is the order in which they came, where nothing else is said", () => {
    const queue = queueOf("run_a");
    expect(queueOrder(queue, {})).toEqual(queue);
    expect(queueOrder(queue, { randomQueue: false })).toEqual(queue);
  });

  it("is drawn by the run's id: the same every time, another for another run, nobody left out", () => {
    expect(drawn("run_a")).toEqual(drawn("run_a"));
    expect(drawn("run_a")).not.toEqual(drawn("run_b"));
    expect(drawn("run_a")).not.toEqual(keys.map((_, n) => n));
    expect(drawn("run_a").toSorted((a, b) => a - b)).toEqual(keys.map((_, n) => n));
  });

  it("stays the same for those who wait, whoever comes and goes", () => {
    const queue = queueOf("run_a");
    const all = queueOrder(queue, { randomQueue: true });
    const some = queue.filter((_, n) => n % 3 !== 0).toReversed();
    expect(queueOrder(some, { randomQueue: true })).toEqual(
      all.filter((each) => some.includes(each as never)),
    );
  });

  it("gives each place in the queue the same chance to be first", () => {
    const first = new Set(Array.from({ length: 400 }, (_, n) => drawn(`run_${n}`)[0]));
    expect(first.size).toBe(keys.length);
  });
});

import { setImmediate as turn } from "node:timers/promises";
import { manualClock } from "@pitaya/actors";
import { ProcessId } from "@pitaya/protocol";
import { expect, it } from "vitest";
import type { FromWarden } from "./messages.ts";
import { tickEveryMs, warden } from "./warden.ts";

const LEASE_MS = 6_000;
const liveness = (lastStart = 0) => ({
  v: 1 as const,
  runner: ProcessId.parse("r1"),
  incarnation: "aaaaaaaa",
  attempts: [],
  lastStart,
  slotsUsed: 0,
});

function setUp(answer: () => Promise<"held" | "superseded"> = async () => "held") {
  const clock = manualClock();
  const renewed: { readonly atMs: number; readonly lastStart: number }[] = [];
  const reports: FromWarden[] = [];
  const watch = warden({
    lease: {
      renew: (value) => {
        renewed.push({ atMs: clock.now(), lastStart: value.lastStart });
        return answer();
      },
      release: async () => {},
    },
    leaseMs: LEASE_MS,
    clock,
    report: (message) => void reports.push(message),
  });
  return {
    renewed,
    reports,
    watch,
    /** Time passes, with or without the main loop going round. */
    async pass(ms: number, ticking: boolean) {
      for (let left = ms; left > 0; left -= tickEveryMs(LEASE_MS)) {
        if (ticking) watch.tick(liveness(clock.now()));
        await turn();
        clock.advance(tickEveryMs(LEASE_MS));
        await turn();
      }
    },
  };
}

it("renews the lease three times in its length while the main loop goes round, with what it said last", async () => {
  const { renewed, reports, pass } = setUp();
  await pass(LEASE_MS, true);
  expect(renewed.map(({ atMs }) => atMs)).toEqual([0, 2_000, 4_000, 6_000]);
  expect(renewed.every(({ atMs, lastStart }) => atMs - lastStart <= 1_000)).toBe(true);
  expect(reports).toEqual([{ type: "held" }]);
});

it("renews nothing before the main loop has gone round once", async () => {
  const { renewed, pass } = setUp();
  await pass(LEASE_MS, false);
  expect(renewed).toEqual([]);
});

it("lets the lease lapse when the main loop stands still, says so, and goes on when it moves", async () => {
  const { renewed, reports, pass } = setUp();
  await pass(2_000, true);
  const before = renewed.length;
  await pass(3 * LEASE_MS, false);
  expect(renewed.length - before).toBeLessThanOrEqual(1);
  expect(reports.at(-1)).toMatchObject({
    type: "trouble",
    message: expect.stringContaining("stood still"),
  });
  await pass(LEASE_MS, true);
  expect(renewed.length - before).toBeGreaterThanOrEqual(3);
});

it("reports that it could not renew, and tries again", async () => {
  let isAway = true;
  const { renewed, reports, pass } = setUp(async () => {
    if (isAway) throw new Error("no server");
    return "held";
  });
  await pass(LEASE_MS, true);
  expect(reports.every((r) => r.type === "trouble" && r.message.includes("no server"))).toBe(true);
  isAway = false;
  await pass(2_000, true);
  expect(reports.at(-1)).toEqual({ type: "held" });
  expect(renewed.length).toBeGreaterThan(3);
});

it("stops for good when another incarnation has the lease", async () => {
  const { renewed, reports, pass } = setUp(async () => "superseded");
  await pass(LEASE_MS, true);
  expect(renewed).toHaveLength(1);
  expect(reports).toEqual([{ type: "superseded" }]);
});

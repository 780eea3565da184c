import { ProcessId } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { fleetState } from "./fleet-state.ts";

const LEASE_MS = 2_000;
const SILENCE_MS = 1_000;
const attempt = { run: "r", instance: "i", attempt: 1 };
const liveness = {
  ...{ v: 1, runner: ProcessId.parse("a"), incarnation: "00000000", lastStart: 0, slotsUsed: 1 },
  attempts: [attempt],
} as never;

/** A runner that is heard at 0; the bus answers every 500 ms up to `answeredUntil`. */
function heardOnce(answeredUntil: number) {
  const state = fleetState(LEASE_MS, SILENCE_MS);
  state.reconnected(0);
  state.heartbeat("a", liveness, [attempt], 0, 0);
  state.heard("a", 7);
  const answer = (until: number, from: number) => {
    for (let now = from; now <= until; now += 500) state.answered(now);
  };
  answer(answeredUntil, 500);
  return { state, answer, isLost: (now: number) => state.isLost("a", attempt, true, now) };
}

describe("a runner that is silent", () => {
  it("is lost after a lease, where the bus answers", () => {
    const { isLost } = heardOnce(2_000);
    expect([isLost(1_999), isLost(2_000)]).toEqual([false, true]);
  });

  it("is not lost by heartbeats of before the claim, however late they come", () => {
    const { isLost, state } = heardOnce(2_000);
    const none = { ...(liveness as object), attempts: [] } as never;
    const claimed = { ...attempt, claimedAt: 10_000 };
    for (const writtenAt of [9_000, 10_499]) {
      state.heartbeat("a", none, [claimed], 1_000, writtenAt);
    }
    expect(isLost(1_001)).toBe(false);
    for (const writtenAt of [10_501, 11_000]) {
      state.heartbeat("a", none, [claimed], 1_000, writtenAt);
    }
    expect(isLost(1_001)).toBe(true);
  });

  it("is not lost where the server has heard of it since", () => {
    const { isLost, state } = heardOnce(6_000);
    expect(state.hasRenewed("a", undefined, 2_000)).toBe(false);
    expect(state.hasRenewed("a", 7, 2_000)).toBe(false);
    expect(isLost(2_000)).toBe(true);
    expect(state.hasRenewed("a", 8, 2_000)).toBe(true);
    expect([isLost(3_999), isLost(4_000)]).toEqual([false, true]);
  });

  it("is lost after the lease that it told, where that is another", () => {
    const { state, isLost } = heardOnce(6_000);
    state.about("a", { leaseMs: 3 * LEASE_MS } as never);
    expect([isLost(5_999), isLost(6_000)]).toEqual([false, true]);
    expect(state.nextLapse(0)).toBe(6_000);
    expect([state.available(5_999).length, state.available(6_000).length]).toEqual([1, 0]);
  });

  it("is not lost while the bus is silent as well, and has a whole lease from its next answer on", () => {
    const { isLost, answer, state } = heardOnce(500);
    expect([isLost(2_000), isLost(60_000)]).toEqual([false, false]);
    answer(61_900, 60_000);
    expect(isLost(61_999)).toBe(false);
    expect(state.nextLapse(60_000)).toBe(62_000);
    answer(62_000, 62_000);
    expect(isLost(62_000)).toBe(true);
  });

  it("is not lost to a coordinator that stood still and has not asked anything since", () => {
    const { isLost } = heardOnce(1_500);
    expect(isLost(5_500)).toBe(false);
  });
});

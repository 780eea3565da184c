import { manualClock } from "@pitaya/actors";
import { decode, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import { buckets, CoordinatorEntry, ProcessId } from "@pitaya/protocol";
import pino from "pino";
import { describe, expect, it } from "vitest";
import { announce } from "./announcement.ts";

const id = ProcessId.parse("c1");
const { ttlMs } = buckets.coordinators;

function fleet() {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  // The server's time goes on while a process stands still.
  const serverClock = manualClock(clock.now());
  const broker = memoryBroker({ clock: { now: serverClock.now, after: serverClock.setTimer } });
  const bucket = broker.connect("looker").bucket(buckets.coordinators);
  const settled = () => new Promise<void>((done) => setImmediate(done));
  return {
    lapse: () => serverClock.advance(ttlMs),
    /** Every process announces itself once more. */
    async again() {
      clock.advance(ttlMs / 3);
      await settled();
    },
    async starts() {
      const { publicKey: curveKey } = sealer();
      const entry = { v: 1, coordinator: id, curveKey, version: "0" } as const;
      const log = pino({ level: "silent" });
      const announced = announce({ bus: broker.connect(id), clock, log, entry });
      await announced.tried;
      return { curveKey, ...announced };
    },
    async keyThere() {
      const there = await bucket.get(id);
      return there && decode(CoordinatorEntry, there.value, "entry").curveKey;
    },
  };
}

describe("a coordinator's announcement", () => {
  it("is the one of the process started last, and the one before learns that it is superseded", async () => {
    const { starts, again, keyThere } = fleet();
    const first = await starts();
    const second = await starts();
    await again();
    await again();
    expect([first.superseded.aborted, second.superseded.aborted]).toEqual([true, false]);
    expect(await keyThere()).toBe(second.curveKey);
    await first.withdraw();
    expect(await keyThere()).toBe(second.curveKey);
  });

  it("is not taken back by one that has not yet learned of its successor", async () => {
    const { starts, keyThere } = fleet();
    const first = await starts();
    const second = await starts();
    await first.withdraw();
    expect(await keyThere()).toBe(second.curveKey);
    await second.withdraw();
    expect(await keyThere()).toBeUndefined();
  });

  it("is made anew when it has lapsed", async () => {
    const { starts, again, lapse, keyThere } = fleet();
    const only = await starts();
    lapse();
    expect(await keyThere()).toBeUndefined();
    await again();
    expect(await keyThere()).toBe(only.curveKey);
    await again();
    expect([only.superseded.aborted, await keyThere()]).toEqual([false, only.curveKey]);
  });
});

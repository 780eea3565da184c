import { manualClock } from "@pitaya/actors";
import { memoryBroker } from "@pitaya/bus/testing";
import { buckets, ProcessId } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { holdLease } from "./lease.ts";

const LEASE_MS = 5_000;

function fleet() {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  // The server's time goes on while a process stands still.
  const serverClock = manualClock(clock.now());
  const broker = memoryBroker({ clock: { now: serverClock.now, after: serverClock.setTimer } });
  return {
    clock,
    serverClock,
    bucket: broker.connect("looker").bucket(buckets.leases),
    hold: (name: string, hasHeld = false, own = clock) =>
      holdLease({
        bus: broker.connect(name),
        coordinator: ProcessId.parse(name),
        clock: own,
        leaseMs: LEASE_MS,
        takeOver: false,
        hasHeld,
        signal: new AbortController().signal,
      }),
  };
}

describe("the coordinator's lease", () => {
  it("is free at once when it is given up", async () => {
    const { hold, bucket } = fleet();
    const lease = await hold("c1");
    await lease.release();
    expect(await bucket.get("coordinator")).toBeUndefined();
    expect((await hold("c2")).epoch).toBeGreaterThan(lease.epoch);
  });

  it("is taken at once by a new start of its holder, and not by an old one that goes on", async () => {
    const { hold, bucket, clock, serverClock } = fleet();
    await hold("c1");
    const started = await hold("c1");
    const waiting = hold("c1", true);
    expect(await bucket.get("coordinator")).toMatchObject({ revision: started.epoch });
    await started.release();
    serverClock.advance(LEASE_MS);
    clock.advance(LEASE_MS);
    expect((await waiting).epoch).toBeGreaterThan(started.epoch);
  });

  it("is taken as soon as it has lapsed, by one that waits for it", async () => {
    const { hold, clock, serverClock } = fleet();
    // It is dead: its time stands still.
    await hold("c1", false, manualClock(clock.now()));
    const start = clock.now();
    // Not one of its looks falls on the end of the lease.
    serverClock.advance(130);
    clock.advance(130);
    const won = hold("c2").then(() => clock.now() - start);
    const over = won.then(() => true);
    const settled = () => new Promise<false>((done) => setImmediate(() => done(false)));
    while (!(await Promise.race([over, settled()]))) {
      serverClock.advance(10);
      clock.advance(10);
    }
    expect(await won).toBeLessThanOrEqual(LEASE_MS * 1.02);
  });

  it("is not taken from another by who gives up one that has lapsed unnoticed", async () => {
    const { hold, bucket, serverClock } = fleet();
    const lease = await hold("c1");
    serverClock.advance(LEASE_MS);
    const after = await hold("c2");
    await lease.release();
    expect(await bucket.get("coordinator")).toMatchObject({ revision: after.epoch });
  });
});

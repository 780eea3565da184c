import { manualClock } from "@pitaya/actors";
import { memoryBroker } from "@pitaya/bus/testing";
import { buckets, ProcessId } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { runnerLease } from "./runner-lease.ts";

const LEASE_MS = 5_000;
const liveness = (incarnation: string) => ({
  v: 1 as const,
  runner: ProcessId.parse("r1"),
  incarnation,
  attempts: [],
  lastStart: 0,
  slotsUsed: 0,
});

function setUp() {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const broker = memoryBroker({ clock: { now: clock.now, after: clock.setTimer } });
  const bucket = broker.connect("r1").bucket(buckets.runners);
  const holder = async () => {
    const entry = await bucket.get("r1");
    return entry && JSON.parse(Buffer.from(entry.value).toString()).incarnation;
  };
  const lease = (options?: { takeOver: boolean }) => runnerLease(bucket, "r1", LEASE_MS, options);
  return { clock, bucket, lease, holder };
}

it("lapses when it is not renewed, and not before", async () => {
  const { clock, lease, holder } = setUp();
  const mine = lease();
  await mine.renew(liveness("aaaaaaaa"));
  clock.advance(LEASE_MS - 1);
  expect(await mine.renew(liveness("aaaaaaaa"))).toBe("held");
  clock.advance(LEASE_MS - 1);
  expect(await holder()).toBe("aaaaaaaa");
  clock.advance(2);
  expect(await holder()).toBeUndefined();
});

it("goes to a later incarnation at once, and the earlier one finds out", async () => {
  const { lease, holder } = setUp();
  const [earlier, later] = [lease(), lease()];
  await earlier.renew(liveness("aaaaaaaa"));
  expect(await later.renew(liveness("bbbbbbbb"))).toBe("held");
  expect(await earlier.renew(liveness("aaaaaaaa"))).toBe("superseded");
  expect(await holder()).toBe("bbbbbbbb");
});

it("is taken again when it lapsed and nobody else has it", async () => {
  const { clock, lease } = setUp();
  const mine = lease();
  await mine.renew(liveness("aaaaaaaa"));
  clock.advance(LEASE_MS + 1);
  expect(await mine.renew(liveness("aaaaaaaa"))).toBe("held");
  clock.advance(LEASE_MS - 1);
  expect(await mine.renew(liveness("aaaaaaaa"))).toBe("held");
});

it("goes on after a renewal whose answer was lost", async () => {
  const { bucket } = setUp();
  let isLossy = false;
  const lossy = {
    ...bucket,
    replace: async (...args: Parameters<typeof bucket.replace>) => {
      const revision = await bucket.replace(...args);
      if (isLossy) throw new Error("no answer");
      return revision;
    },
  };
  const mine = runnerLease(lossy, "r1", LEASE_MS);
  await mine.renew(liveness("aaaaaaaa"));
  isLossy = true;
  await expect(mine.renew(liveness("aaaaaaaa"))).rejects.toThrow("no answer");
  isLossy = false;
  expect(await mine.renew(liveness("aaaaaaaa"))).toBe("held");
});

it("is not taken over by a second warden of an incarnation that has lost it", async () => {
  const { lease, holder } = setUp();
  await lease().renew(liveness("aaaaaaaa"));
  const second = lease({ takeOver: false });
  expect(await second.renew(liveness("aaaaaaaa"))).toBe("held");
  await lease().renew(liveness("bbbbbbbb"));
  expect(await lease({ takeOver: false }).renew(liveness("aaaaaaaa"))).toBe("superseded");
  expect(await holder()).toBe("bbbbbbbb");
});

it("is given up at once when asked, unless it is another's", async () => {
  const { lease, holder } = setUp();
  const mine = lease();
  await mine.renew(liveness("aaaaaaaa"));
  await lease().renew(liveness("bbbbbbbb"));
  await mine.release();
  expect(await holder()).toBe("bbbbbbbb");
  const theirs = lease({ takeOver: false });
  await theirs.renew(liveness("bbbbbbbb"));
  await theirs.release();
  expect(await holder()).toBeUndefined();
});

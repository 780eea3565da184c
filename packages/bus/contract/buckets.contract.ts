import { buckets } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import type { Bucket } from "../bus.port.ts";
import { aProcess, bytes, collect, type Harness, text } from "./harness.ts";

export function bucketsContract(server: () => Harness): void {
  const connected = async () =>
    (await server().connect(aProcess("process"))).bucket(buckets.runners);
  const value = async (bucket: Bucket, key: string) => {
    const entry = await bucket.get(key);
    return entry === undefined ? undefined : text(entry.value);
  };

  describe("buckets", () => {
    it("keeps the newest value of a key", async () => {
      const bucket = await connected();
      const key = aProcess("key");
      expect(await bucket.get(key)).toBeUndefined();
      const one = await bucket.put(key, bytes("1"));
      const two = await bucket.put(key, bytes("2"));
      expect(two).toBeGreaterThan(one);
      const writtenAt = expect.any(Date);
      expect(await bucket.get(key)).toMatchObject({ key, revision: two, writtenAt });
      expect(await value(bucket, key)).toBe("2");
      await bucket.delete(key);
      expect(await bucket.get(key)).toBeUndefined();
    });

    it("replaces only what is still as expected", async () => {
      const bucket = await connected();
      const key = aProcess("key");
      const one = await bucket.replace(key, bytes("1"), 0);
      expect(one).toBeGreaterThan(0);
      expect(await bucket.replace(key, bytes("x"), 0)).toBeUndefined();
      const two = await bucket.replace(key, bytes("2"), one ?? 0);
      expect(two).toBeGreaterThan(one ?? 0);
      expect(await bucket.replace(key, bytes("y"), one ?? 0)).toBeUndefined();
      expect(await value(bucket, key)).toBe("2");
    });

    it("counts a deleted key as not there", async () => {
      const bucket = await connected();
      const key = aProcess("key");
      const one = (await bucket.replace(key, bytes("1"), 0)) ?? 0;
      await bucket.delete(key);
      expect(await bucket.replace(key, bytes("x"), one)).toBeUndefined();
      expect(await bucket.replace(key, bytes("2"), 0)).toBeGreaterThan(one);
      expect(await value(bucket, key)).toBe("2");
    });

    it("lets one of several take a free key", async () => {
      const processes = await Promise.all([connected(), connected(), connected()]);
      const key = aProcess("key");
      const taken = await Promise.all(
        processes.map((each, i) => each.replace(key, bytes(`${i}`), 0)),
      );
      expect(taken.filter((revision) => revision !== undefined)).toHaveLength(1);
    });

    it("lets a key lapse that is not renewed, and frees it", async () => {
      const bucket = await connected();
      const key = aProcess("key");
      const stop = new AbortController();
      const seen = collect(bucket.watch(stop.signal));
      const revision = await bucket.replace(key, bytes("1"), 0, { ttlMs: 1_000 });
      const renewed = await bucket.replace(key, bytes("2"), revision ?? 0, { ttlMs: 1_000 });
      expect(renewed).toBeDefined();
      await seen.until((items) => items.some((item) => "key" in item && item.key === key));
      await server().pass(1_001);
      await seen.until((items) => items.some((item) => "gone" in item && item.key === key));
      expect(await bucket.get(key)).toBeUndefined();
      expect((await bucket.entries()).some((entry) => entry.key === key)).toBe(false);
      expect(await bucket.replace(key, bytes("x"), renewed ?? 0)).toBeUndefined();
      expect(await bucket.replace(key, bytes("3"), 0)).toBeDefined();
      stop.abort();
    });

    it("leaves a key alone that was written again without a limit", async () => {
      const bucket = await connected();
      const [kept, lapsing] = [aProcess("key"), aProcess("key")];
      const stop = new AbortController();
      const seen = collect(bucket.watch(stop.signal));
      await bucket.put(kept, bytes("1"), { ttlMs: 1_000 });
      await bucket.put(kept, bytes("2"));
      await bucket.put(lapsing, bytes("1"), { ttlMs: 1_000 });
      await seen.until((items) => items.some((item) => "key" in item && item.key === lapsing));
      await server().pass(1_001);
      await seen.until((items) => items.some((item) => "gone" in item && item.key === lapsing));
      expect(await value(bucket, kept)).toBe("2");
      stop.abort();
    });

    it("lists what is there", async () => {
      const bucket = await connected();
      const [one, two, gone] = [aProcess("key"), `${aProcess("key")}.about`, aProcess("key")];
      for (const key of [one, two, gone]) await bucket.put(key, bytes(key));
      await bucket.delete(gone);
      const entries = await bucket.entries();
      const mine = entries.filter(({ key }) => [one, two, gone].includes(key));
      expect(mine.map(({ key }) => key)).toEqual([one, two]);
      expect(mine.map((entry) => text(entry.value))).toEqual([one, two]);
    });

    it("shows what is there and then every change", async () => {
      const bucket = await connected();
      const [before, after] = [aProcess("key"), aProcess("key")];
      await bucket.put(before, bytes("1"));
      const stop = new AbortController();
      const seen = collect(bucket.watch(stop.signal));
      await seen.until((items) => items.some((item) => "initialised" in item));
      await bucket.put(after, bytes("2"));
      await bucket.delete(before);
      const items = await seen.until((items) =>
        items.some((item) => "gone" in item && item.key === before),
      );
      const mine = items.flatMap((item) => {
        if ("initialised" in item) return ["initialised"];
        if (item.key !== before && item.key !== after) return [];
        return ["gone" in item ? `${item.key} gone` : `${item.key} ${text(item.value)}`];
      });
      expect(mine).toEqual([`${before} 1`, "initialised", `${after} 2`, `${before} gone`]);
      stop.abort();
    });

    it("reads the lease of the coordinator as it reads the rest", async () => {
      const { bucket } = await server().connect(aProcess("coordinator"));
      const leases = bucket(buckets.leases);
      const stop = new AbortController();
      const seen = collect(leases.watch(stop.signal));
      const epoch = await leases.replace("coordinator", bytes("me"), 0);
      expect(await leases.get("coordinator")).toMatchObject({ revision: epoch });
      expect(await leases.entries()).toHaveLength(1);
      await seen.until((items) => items.some((item) => "value" in item && item.revision === epoch));
      await leases.delete("coordinator");
      await seen.until((items) => items.some((item) => "gone" in item));
      stop.abort();
    });
  });
}

import { buckets, streams } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { differences, FULL_STORE_BYTES, streamConfigs } from "./stream-configs.rules.ts";

const GIB = 1024 ** 3;
const named = (name: string, replicas = 1, maxStoreBytes = 2 * FULL_STORE_BYTES) => {
  const found = streamConfigs(replicas, maxStoreBytes).find((config) => config.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

describe("what is asked of the server", () => {
  it("is every stream and every bucket, as the protocol describes them", () => {
    expect(streamConfigs(1, FULL_STORE_BYTES).map(({ name }) => name)).toEqual([
      ...Object.values(streams).map(({ name }) => name),
      ...Object.values(buckets).map(({ name }) => `KV_${name}`),
    ]);
    expect(named("PITAYA_EVENTS")).toMatchObject({
      subjects: ["pitaya.v1.evt.>"],
      retention: "limits",
      discard: "new",
      max_bytes: 16 * GIB,
      max_consumers: 20_000,
      duplicate_window: 300e9,
      compression: "s2",
      allow_direct: true,
      storage: "file",
      republish: {
        src: "pitaya.v1.evt.>",
        dest: "pitaya.v1.sign.pitaya.v1.evt.>",
        headers_only: true,
      },
    });
    expect(named("PITAYA_BLOBS")).not.toHaveProperty("republish");
    expect(named("PITAYA_COMMANDS")).toMatchObject({ retention: "workqueue", allow_direct: false });
    expect(named("PITAYA_OUTPUT")).toMatchObject({ discard: "old", max_age: 14 * 86_400e9 });
  });

  it("writes output asynchronously where it is not replicated, and nothing else", () => {
    expect(named("PITAYA_OUTPUT")).toMatchObject({ persist_mode: "async" });
    expect(named("PITAYA_OUTPUT", 3)).not.toHaveProperty("persist_mode");
    expect(named("PITAYA_EVENTS")).not.toHaveProperty("persist_mode");
    expect(streamConfigs(3, GIB).every((config) => config.num_replicas === 3)).toBe(true);
  });

  it("keeps one value a key, with a time to live and no rollups; the lease from the leader only", () => {
    for (const { name } of Object.values(buckets)) {
      expect(named(`KV_${name}`)).toMatchObject({
        max_msgs_per_subject: 1,
        allow_msg_ttl: true,
        allow_rollup_hdrs: false,
        allow_direct: name !== "PITAYA_LEASES",
      });
    }
  });

  it("stays inside the budget, in proportion, with something for each", () => {
    for (const budget of [256 * 1024 ** 2, 2 * GIB, 50 * GIB, 500 * GIB]) {
      const configs = streamConfigs(1, budget);
      const sum = configs.reduce((total, config) => total + config.max_bytes, 0);
      expect(sum).toBeLessThanOrEqual(budget);
      expect(Math.min(...configs.map((config) => config.max_bytes))).toBe(1024 ** 2);
    }
    const half = named("PITAYA_BLOBS", 1, FULL_STORE_BYTES / 2);
    expect(half.max_bytes / (32 * GIB)).toBeCloseTo(1, 3);
  });
});

describe("what the server made of it", () => {
  const asked = named("KV_PITAYA_LEASES");

  it("may leave out what is off", () => {
    const { allow_direct: _, allow_rollup_hdrs: __, ...echoed } = asked;
    expect(differences(asked, echoed)).toEqual([]);
  });

  it("is told by name where it differs, as with servers that drop what they do not know", () => {
    const { allow_msg_ttl: _, ...echoed } = asked;
    expect(differences(asked, { ...echoed, max_bytes: 7 })).toEqual([
      "max_bytes is 7 instead of 1048576",
      "allow_msg_ttl is not set instead of true",
    ]);
  });
});

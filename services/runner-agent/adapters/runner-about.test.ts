import { manualClock } from "@pitaya/actors";
import { decode, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import { buckets, RunnerAbout } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { aboutKey } from "./runner-about.ts";

function runner() {
  const clock = manualClock();
  const bucket = memoryBroker().connect("r1").bucket(buckets.runners);
  const troubles: unknown[] = [];
  return {
    clock,
    bucket,
    troubles,
    start(curveKey: string, packs: () => string[] = () => []) {
      return aboutKey({
        bucket,
        runner: "r1",
        clock,
        signal: new AbortController().signal,
        onTrouble: (error) => troubles.push(error),
        current: () => ({
          v: 1,
          runner: "r1",
          version: "0.1.0",
          pool: "default",
          labels: {},
          slots: 2,
          cpus: 2,
          memoryBytes: 1_000_000_000,
          engineVersion: "0",
          curveKey,
          packs: packs(),
        }),
      });
    },
    async told() {
      const entry = await bucket.get("r1.about");
      return entry && decode(RunnerAbout, entry.value, "about");
    },
  };
}

it("tells of changes once a second, also after its key is gone", async () => {
  const { clock, bucket, told, start, troubles } = runner();
  const packs: string[] = [];
  const { publicKey } = sealer();
  const about = start(publicKey, () => packs);
  await about.write();
  packs.push("a".repeat(64));
  about.changed();
  about.changed();
  expect(await told()).toMatchObject({ packs: [] });
  clock.advance(1_000);
  await expect.poll(told).toMatchObject({ curveKey: publicKey, packs: [packs[0]] });
  await bucket.delete("r1.about");
  await about.write();
  expect(await told()).toMatchObject({ curveKey: publicKey });
  expect(troubles).toEqual([]);
});

it("is not put in place of what a later incarnation told", async () => {
  const { start, told } = runner();
  const [old, fresh] = [sealer().publicKey, sealer().publicKey];
  const thoughtDead = start(old);
  await thoughtDead.write();
  const successor = start(fresh);
  await successor.write();
  await thoughtDead.write();
  expect(await told()).toMatchObject({ curveKey: fresh });
  await successor.write();
  expect(await told()).toMatchObject({ curveKey: fresh });
});

import { randomBytes } from "node:crypto";
import { buckets, subjects } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { anId, aProcess, bytes, type Harness } from "./harness.ts";

const MIB = 1024 ** 2;

export function upkeepContract(server: () => Harness): void {
  describe("upkeep", () => {
    it("tells whole blobs from begun ones, and removes either", async () => {
      const writer = aProcess("writer");
      const { blobs, upkeep, bucket } = await server().connect(writer);
      const parent = "a".repeat(64);
      const content = randomBytes(MIB + 1);
      const whole = await blobs.put(
        async function* () {
          yield content;
        },
        [parent],
      );
      const kept = await blobs.put(async function* () {
        yield content.subarray(0, 5);
      });
      const mine = async () => (await upkeep.blobs()).filter((blob) => blob.writer === writer);
      const hasBegun = async (parts: number) =>
        (await mine()).some((blob) => !blob.whole && blob.parts === parts);
      let pass = 0;
      const broken = blobs.put(async function* () {
        pass += 1;
        yield content.subarray(1);
        while (pass === 2) if (await hasBegun(4)) throw new Error("killed");
        yield content.subarray(1);
      });
      await expect(broken).rejects.toThrow("killed");

      const found = await mine();
      expect(found).toHaveLength(3);
      expect(found).toContainEqual({ writer, sha256: whole.sha256, parts: 5, whole: true });
      expect(found).toContainEqual({ writer, sha256: kept.sha256, parts: 1, whole: true });
      const begun = found.find((blob) => !blob.whole) ?? expect.fail("no begun blob");
      expect(begun.parts).toBe(4);
      // It was pinned before its first part was there.
      expect(await bucket(buckets.pins).get(`${writer}.${begun.sha256}`)).toBeDefined();
      expect(await upkeep.manifest(whole)).toEqual(whole);
      expect(await upkeep.manifest(begun)).toBeUndefined();

      for (const blob of [begun, whole, whole]) await upkeep.removeBlob(blob);
      expect((await mine()).map(({ sha256 }) => sha256)).toEqual([kept.sha256]);
      expect(await blobs.has(whole)).toBe(false);
      expect(await blobs.has(kept)).toBe(true);
    });

    it("a removed blob can be stored again", async () => {
      const { blobs, upkeep } = await server().connect(aProcess("writer"));
      const content = randomBytes(MIB);
      const open = async function* () {
        yield content;
      };
      const ref = await blobs.put(open);
      await upkeep.removeBlob(ref);
      expect(await blobs.put(open)).toEqual(ref);
      const read: Uint8Array[] = [];
      for await (const part of blobs.get(ref)) read.push(part);
      expect(Buffer.compare(Buffer.concat(read), content)).toBe(0);
    });

    it("counts a runner's orders and knows its queues, and removes both", async () => {
      const [gone, stays] = [aProcess("runner"), aProcess("runner")];
      const { commands, upkeep } = await server().connect("coordinator");
      for (const runner of [gone, stays]) {
        await commands.ensureQueues(runner);
        for (const subject of [
          subjects.start.of({ runner }),
          subjects.control.of({ runner, verb: "cancel" }),
        ]) {
          await commands.publish(subject, { id: anId(), payload: bytes("order") });
        }
      }
      expect((await upkeep.orders()).get(gone)).toBe(2);
      expect(await upkeep.queues()).toEqual(
        expect.arrayContaining([gone, stays].flatMap((id) => [`${id}-start`, `${id}-ctl`])),
      );

      await upkeep.removeOrders(gone);
      for (const name of [`${gone}-start`, `${gone}-ctl`, `${gone}-ctl`]) {
        await upkeep.removeQueue(name);
      }
      const left = await upkeep.queues();
      expect(left.filter((name) => name.startsWith(gone))).toEqual([]);
      expect(left).toContain(`${stays}-start`);
      expect(Object.fromEntries(await upkeep.orders())).toMatchObject({ [stays]: 2 });
      expect((await upkeep.orders()).has(gone)).toBe(false);

      // A runner that comes back finds its queues again as it did the first time.
      await commands.ensureQueues(gone);
      await commands.publish(subjects.start.of({ runner: gone }), {
        id: anId(),
        payload: bytes("again"),
      });
      const bus = await server().connect(gone);
      const next = await bus.commands.next(gone, "start", new AbortController().signal);
      expect(Buffer.from(next?.payload ?? []).toString()).toBe("again");
    });
  });
}

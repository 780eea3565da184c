import { manualClock } from "@pitaya/actors";
import { decode } from "@pitaya/bus";
import { memoryBus } from "@pitaya/bus/testing";
import { buckets, type CleanCommand, ProcessId, RunnerInventory } from "@pitaya/protocol";
import pino from "pino";
import { expect, test } from "vitest";
import type { AttemptName, Leftover } from "../ports/executor.port.ts";
import { memoryDisk } from "../testing/memory-disk.ts";
import { CLEAN_WAIT_MS, cleaner } from "./cleaner.ts";
import { reaper } from "./reaper.ts";

const runner = ProcessId.parse("runner-1");
const attempt = (n: number): AttemptName => ({
  runId: "run_20260101_000000_0000000a",
  instanceId: "0123456789abcdef",
  attempt: n,
});

/** A runner with a host of plain values; each look at it lets the test go on. */
function host() {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const bucket = memoryBus().bucket(buckets.runners);
  const { mount, attempts } = memoryDisk();
  const disk = mount();
  const engine = new Map<string, Leftover["kind"]>();
  const inHand: AttemptName[] = [];
  const executor = {
    leftovers: async () => [...engine].map(([name, kind]) => ({ name, kind })),
    reap: async () => engine.clear(),
  };
  const clean = cleaner({
    ...{ runner, executor, disk, clock, bucket },
    strangers: reaper(executor, () => inHand),
    inHand: () => inHand,
    log: pino({ level: "silent" }),
    signal: new AbortController().signal,
  });
  const command = (remove: boolean): CleanCommand => ({
    ...{ v: 1, runner, epoch: 1, verb: "clean", remove },
    ...{ request: "00112233445566aa", at: "2026-01-01T00:00:00.000Z" },
  });
  return {
    ...{ clock, disk, attempts, engine, inHand },
    /** `between` happens after the first look and before the second. */
    async clean(remove: boolean, between: () => void = () => {}): Promise<RunnerInventory> {
      const before = (await bucket.get(`${runner}.inventory`))?.revision;
      clean(command(remove));
      while (clock.pending === 0) await new Promise(setImmediate);
      between();
      clock.advance(CLEAN_WAIT_MS);
      for (;;) {
        const entry = await bucket.get(`${runner}.inventory`);
        if (entry && entry.revision !== before) {
          return decode(RunnerInventory, entry.value, "The inventory");
        }
        await new Promise(setImmediate);
      }
    },
  };
}

test("what was there both times is told, and removed only when that is asked for", async () => {
  const h = host();
  await h.disk.attempts.create(attempt(1));
  await h.disk.attempts.create(attempt(2));
  h.inHand.push(attempt(2));
  h.engine.set("left", "volume").set("half", "pack");

  const told = await h.clean(false);
  expect(told).toMatchObject({ runner, count: 3, removed: 0, request: "00112233445566aa" });
  expect(told.ownerless.map(({ kind }) => kind)).toEqual(["volume", "pack", "directory"]);
  expect(h.engine.size).toBe(2);

  expect(await h.clean(true)).toMatchObject({ count: 3, removed: 3 });
  expect(h.engine.size).toBe(0);
  expect(h.attempts()).toEqual([attempt(2)]);
  expect(await h.clean(false)).toMatchObject({ count: 0, removed: 0 });
});

test("what came, or came to be owned, between the two looks is left alone", async () => {
  const h = host();
  await h.disk.attempts.create(attempt(1));
  const found = await h.clean(true, () => {
    h.inHand.push(attempt(1));
    h.engine.set("just made", "container");
  });
  expect(found).toMatchObject({ count: 0, removed: 0 });
  expect(h.attempts()).toEqual([attempt(1)]);
  expect(h.engine.has("just made")).toBe(true);
});

import { expect, it } from "vitest";
import { defaultSlots, slots } from "./slots.ts";

const GIB = 1024 ** 3;
const never = new AbortController().signal;

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let n = 0; n < 10; n += 1) await Promise.resolve();
  return settled;
}

it("gives so many permits, and another when one is given back", async () => {
  const room = slots(2);
  const first = await room.take(never);
  await room.take(never);
  const third = room.take(never);
  expect(await isSettled(third)).toBe(false);
  first?.();
  expect(await isSettled(third)).toBe(true);
});

it("takes a permit back once, however often it is given", async () => {
  const room = slots(1);
  const permit = await room.take(never);
  permit?.();
  permit?.();
  await room.take(never);
  expect(await isSettled(room.take(never))).toBe(false);
});

it("counts what is there already, also beyond its number", async () => {
  const room = slots(1);
  const there = [room.occupy(), room.occupy()];
  const next = room.take(never);
  there[0]?.();
  expect(await isSettled(next)).toBe(false);
  there[1]?.();
  expect(await isSettled(next)).toBe(true);
});

it("lets whoever waits go when it is told to", async () => {
  const room = slots(0);
  const stop = new AbortController();
  const waiting = room.take(stop.signal);
  stop.abort();
  expect(await waiting).toBeUndefined();
});

it("is as many as a user asked for at once, until that is taken back", async () => {
  const room = slots(1);
  await room.take(never);
  const waiting = [room.take(never), room.take(never)];
  room.setLeast(3);
  expect(room.total).toBe(3);
  expect(await isSettled(Promise.all(waiting))).toBe(true);
  room.setLeast(0);
  expect(room.total).toBe(1);
  expect(await isSettled(room.take(never))).toBe(false);
});

it.each([
  [4, 64 * GIB, 4],
  [64, 256 * GIB, 20],
  [16, 20 * GIB, 4],
  [1, 2 * GIB, 2],
])("is by default, with %i cores and %i bytes, %i", (cpus, memoryBytes, expected) => {
  expect(defaultSlots(cpus, memoryBytes, 4 * GIB)).toBe(expected);
});

import { expect, it } from "vitest";
import { manualClock } from "./clock.ts";

it("fires each timer at its own moment, also those that a timer sets", () => {
  const clock = manualClock(1_000);
  const fired: [string, number][] = [];
  const note = (name: string) => fired.push([name, clock.now()]);
  clock.setTimer(20, () => note("b"));
  clock.setTimer(10, () => {
    note("a");
    clock.setTimer(5, () => note("a+5"));
  });
  const cancel = clock.setTimer(15, () => note("never"));
  cancel();
  clock.advance(100);
  expect(fired).toEqual([
    ["a", 1_010],
    ["a+5", 1_015],
    ["b", 1_020],
  ]);
  expect(clock.now()).toBe(1_100);
});

it("keeps the order in which timers of one moment were set", () => {
  const clock = manualClock();
  const fired: number[] = [];
  for (const id of [1, 2, 3]) clock.setTimer(10, () => fired.push(id));
  clock.advance(9);
  expect(fired).toEqual([]);
  clock.advance(1);
  expect(fired).toEqual([1, 2, 3]);
});

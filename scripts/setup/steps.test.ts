import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { steps } from "./steps.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function recorded() {
  const lines: string[] = [];
  return {
    lines,
    ...steps(
      (line) => void lines.push(line),
      () => performance.now(),
    ),
  };
}

it("says when a step begins, that it goes on, and how long it took", async () => {
  const { lines, step } = recorded();
  const work = Promise.withResolvers<number>();
  const result = step("base image: making it", () => work.promise);
  await vi.advanceTimersByTimeAsync(10_500);
  work.resolve(7);
  expect(await result).toBe(7);
  expect(lines).toEqual([
    "set-up: base image: making it …\n",
    "set-up: base image: making it: 10.0 s so far\n",
    "set-up: base image: making it: done in 10.5 s\n",
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

it("says that a step failed, and lets its error pass", async () => {
  const { lines, step } = recorded();
  await expect(step("engine", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(lines.at(-1)).toBe("set-up: engine: failed after 0.0 s\n");
  expect(vi.getTimerCount()).toBe(0);
});

it("does not call a step failed that was only not needed", async () => {
  const { lines, step } = recorded();
  const stopped = () => Promise.reject(new DOMException("stopped", "AbortError"));
  await expect(step("base image", stopped)).rejects.toThrow("stopped");
  expect(lines.at(-1)).toBe("set-up: base image: not needed after 0.0 s\n");
});

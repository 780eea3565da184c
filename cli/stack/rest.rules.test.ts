import { describe, expect, it } from "vitest";
import { isDone, isReplaceable, isResting, slotsStillAsked } from "./rest.rules.ts";

const live = { run: "run_a", waitingForCredentials: false };
const waiting = { run: "run_w", waitingForCredentials: true };
const attached = { visit: "attach" } as const;
const submitting = { visit: "submit" } as const;

describe("a stack", () => {
  it("rests when nobody is connected and nothing is live", () => {
    expect(isResting({ guests: [], liveRuns: [] })).toBe(true);
    expect(isResting({ guests: [attached], liveRuns: [] })).toBe(false);
    expect(isResting({ guests: [], liveRuns: [live] })).toBe(false);
  });

  it("rests beside a run that waits for credentials, once nobody is there to bring them", () => {
    expect(isResting({ guests: [], liveRuns: [waiting] })).toBe(true);
    expect(isResting({ guests: [], liveRuns: [waiting, live] })).toBe(false);
    expect(isResting({ guests: [attached], liveRuns: [waiting] })).toBe(false);
  });

  it("is done when nothing is live and nothing is being submitted, whoever looks on", () => {
    expect(isDone({ guests: [attached], liveRuns: [] })).toBe(true);
    expect(isDone({ guests: [submitting], liveRuns: [] })).toBe(false);
    expect(isDone({ guests: [], liveRuns: [live] })).toBe(false);
    expect(isDone({ guests: [], liveRuns: [waiting] })).toBe(true);
    expect(isDone({ guests: [attached], liveRuns: [waiting] })).toBe(false);
  });

  it("is not replaced under a run, not even one that waits", () => {
    expect(isReplaceable({ guests: [attached], liveRuns: [] })).toBe(true);
    expect(isReplaceable({ guests: [submitting], liveRuns: [] })).toBe(false);
    expect(isReplaceable({ guests: [], liveRuns: [waiting] })).toBe(false);
  });
});

it("forgets the slots a run asked for when it is neither live nor being submitted", () => {
  const asked = new Map([
    ["run_a", { atLeast: 4, submitting: false }],
    ["run_b", { atLeast: 9, submitting: false }],
    ["run_c", { atLeast: 2, submitting: true }],
  ]);
  expect([...slotsStillAsked(asked, [live])]).toEqual([
    ["run_a", 4],
    ["run_c", 2],
  ]);
});

import { expect, it } from "vitest";
import { isFree, isResting } from "./rest.rules.ts";

const attached = { visit: "attach" } as const;
const submitting = { visit: "submit" } as const;

it("rests when nobody is connected and nothing is live", () => {
  expect(isResting({ guests: [], liveRuns: 0 })).toBe(true);
  expect(isResting({ guests: [attached], liveRuns: 0 })).toBe(false);
  expect(isResting({ guests: [], liveRuns: 1 })).toBe(false);
});

it("is free when nothing is live and nothing is being submitted, whoever looks on", () => {
  expect(isFree({ guests: [attached], liveRuns: 0 })).toBe(true);
  expect(isFree({ guests: [attached, submitting], liveRuns: 0 })).toBe(false);
  expect(isFree({ guests: [], liveRuns: 1 })).toBe(false);
});

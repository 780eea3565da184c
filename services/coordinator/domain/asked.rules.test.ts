import { describe, expect, it } from "vitest";
import { isTimely } from "./asked.rules.ts";

const stopping = (mode: "interrupt" | "cancel") =>
  ({ type: "run.stopping", mode, by: "somebody", reason: "" }) as const;
const resumed = { type: "run.resumed", by: "somebody", fresh: false } as const;
const cancelled = { type: "run.cancelled" } as const;

describe("a decision asked for from outside, when its turn comes", () => {
  it("changes nothing of a run that has ended, or is about to", () => {
    for (const phase of ["finalizing", "succeeded", "failed", "cancelled"] as const) {
      for (const entry of [stopping("interrupt"), stopping("cancel"), resumed, cancelled]) {
        expect(isTimely(entry, { phase, stopping: undefined })).toBe(false);
      }
    }
  });

  it("stops what runs, once, and resumes or cancels what is interrupted", () => {
    const executing = { phase: "executing", stopping: undefined } as const;
    expect(isTimely(stopping("interrupt"), executing)).toBe(true);
    expect(isTimely(stopping("cancel"), { ...executing, stopping: "interrupt" })).toBe(true);
    expect(isTimely(stopping("cancel"), { ...executing, stopping: "cancel" })).toBe(false);
    expect(isTimely(resumed, executing)).toBe(false);
    const interrupted = { phase: "interrupted", stopping: undefined } as const;
    expect(isTimely(resumed, interrupted)).toBe(true);
    expect(isTimely(cancelled, interrupted)).toBe(true);
    expect(isTimely(stopping("interrupt"), interrupted)).toBe(false);
  });
});

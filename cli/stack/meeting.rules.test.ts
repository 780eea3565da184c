import { PROTOCOL_VERSION } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { meet } from "./meeting.rules.ts";
import { StackStatus } from "./messages.ts";

const own = { version: "0.1.0", build: "b1" };

function stack(changes: Partial<StackStatus> = {}): StackStatus {
  return StackStatus.parse({
    version: "0.1.0",
    build: "b1",
    protocol: PROTOCOL_VERSION,
    engine: "default",
    pid: 1,
    phase: "ready",
    startedAt: "2026-01-01T00:00:00.000Z",
    liveRuns: 0,
    attached: 0,
    submitting: 0,
    idleMs: 1,
    ...changes,
  });
}
const meets = (changes: Partial<StackStatus>) => meet(own, "default", stack(changes), true);

it("uses a stack of its own build, also one that still starts", () => {
  expect(meets({})).toBe("use");
  expect(meets({ phase: "starting", liveRuns: 1 })).toBe("use");
});

it("replaces another build that nobody uses, whatever it speaks", () => {
  expect(meets({ build: "b0" })).toBe("replace");
  expect(meets({ build: "b0", protocol: PROTOCOL_VERSION + 1, attached: 1 })).toBe("replace");
});

it("uses another build that is in use and speaks the same", () => {
  expect(meets({ build: "b0", liveRuns: 1 })).toBe("use-other");
  expect(meets({ build: "b0", submitting: 1 })).toBe("use-other");
  expect(meets({ build: "b0", phase: "starting" })).toBe("use-other");
});

it("refuses one that is in use and speaks otherwise, and one of another engine", () => {
  expect(meets({ build: "b0", protocol: PROTOCOL_VERSION + 1, liveRuns: 1 })).toBe("refuse");
  expect(meet(own, "tcp://elsewhere:2375", stack(), true)).toBe("refuse");
});

it("waits for one that closes, whatever it is", () => {
  expect(meets({ phase: "closing", build: "b0", engine: "tcp://elsewhere:2375" })).toBe("wait");
});

it("hears why a stack failed that it waited for, and has one that failed before tried again", () => {
  expect(meet(own, "default", stack({ phase: "failed" }), true)).toBe("use");
  expect(meet(own, "default", stack({ phase: "failed" }), false)).toBe("wait");
});

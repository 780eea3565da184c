import { advance, born, freeze, thaw } from "@pitaya/actors";
import type { DecisionOf, ErrorRecord, Fact } from "@pitaya/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getShortestPaths } from "xstate/graph";
import { taskOf } from "../testing/one-task-code.ts";
import { sampleRun } from "../testing/sample-run.ts";
import { type InstanceEvent, instanceMachine } from "./instance.machine.ts";

const instance = "0123456789abcdef" as DecisionOf<"instance.scheduled">["instance"];
const scheduled = {
  type: "instance.scheduled",
  instance,
  execution: "s1",
  key: "k",
  kind: "agent",
  fingerprint: "f".repeat(64),
  task: taskOf(sampleRun()),
} as DecisionOf<"instance.scheduled">;
const error: ErrorRecord = { code: "overloaded", message: "busy", retryable: true };
const account = { agentMs: 0 };

const decide = (entry: Extract<InstanceEvent, { type: "DECIDED" }>["entry"]): InstanceEvent => ({
  type: "DECIDED",
  entry,
  at: 1_000,
  sequence: 7,
});
const placed = (attempt: number) =>
  decide({
    type: "attempt.placed",
    instance,
    assumes: 0,
    attempt,
    runner: "runner-1" as DecisionOf<"attempt.placed">["runner"],
    claimTimeoutMs: 5_000,
  });
const told = (attempt: number, fact: Fact): InstanceEvent => ({ type: "TOLD", attempt, fact });
const failed: Fact = {
  type: "attempt.failed",
  error,
  lastOutput: "",
  account,
  lfsObjectsMissing: 0,
};
const succeeded: Fact = {
  type: "attempt.succeeded",
  uncommitted: false,
  forcedCommit: false,
  account,
  lfsObjectsMissing: 0,
};

const arrivals: readonly InstanceEvent[] = [
  placed(1),
  placed(2),
  told(1, { type: "attempt.claimed" }),
  told(1, { type: "attempt.entered", phase: "preparing" }),
  told(1, { type: "attempt.started", container: "c", imageId: "i" }),
  told(1, { type: "attempt.entered", phase: "harvesting" }),
  told(1, failed),
  told(1, succeeded),
  told(2, succeeded),
  { type: "SEALED", attempt: 1, reason: "lost" },
  decide({ type: "instance.backingOff", instance, assumes: 0, error, delayMs: 500 }),
  decide({ type: "instance.waitingForCredentials", instance, assumes: 0, missing: [] }),
  decide({ type: "instance.queued", instance, assumes: 0, reason: "" }),
  decide({ type: "instance.succeeded", instance, assumes: 0, attempt: 1 }),
  decide({ type: "instance.failed", instance, assumes: 0, error }),
  decide({ type: "instance.cancelled", instance, assumes: 0 }),
  decide({ type: "instance.interrupted", instance, assumes: 0 }),
  { type: "RUN_RESUMED", fresh: false },
];

const after = (...events: readonly InstanceEvent[]) =>
  events.reduce(
    (snapshot, event) => advance(instanceMachine, snapshot, event),
    born(instanceMachine, scheduled),
  );

describe("every state", () => {
  it("can be reached, and only along the arrows of the picture", () => {
    const paths = getShortestPaths(instanceMachine, {
      input: scheduled,
      events: [...arrivals],
      serializeState: (state) => JSON.stringify([state.value, state.context.attempt]),
      limit: 5_000,
    });
    const reached = new Set(paths.map((path) => path.state.value));
    expect([...reached].sort()).toEqual(
      [
        "backingOff",
        "cancelled",
        "failed",
        "harvesting",
        "interrupted",
        "placed",
        "queued",
        "running",
        "settling",
        "starting",
        "succeeded",
        "waitingForCredentials",
      ].sort(),
    );
  });
});

it("an attempt's end is only taken from the attempt under way", () => {
  expect(after(placed(1), { type: "SEALED", attempt: 1, reason: "unclaimed" }).value).toBe(
    "settling",
  );
  const second = after(
    placed(1),
    { type: "SEALED", attempt: 1, reason: "lost" },
    decide({ type: "instance.queued", instance, assumes: 0, reason: "" }),
    placed(2),
    told(1, succeeded),
  );
  expect(second.value).toBe("placed");
  expect(second.context.failures).toBe(1);
});

it("the pause ends where the log says, on the server's clock", () => {
  const backingOff = after(
    placed(1),
    told(1, failed),
    decide({ type: "instance.backingOff", instance, assumes: 0, error, delayMs: 500 }),
  );
  expect(backingOff.context).toMatchObject({ dueAt: 1_500, failures: 1 });
});

const born0 = born(instanceMachine, scheduled);
const history = fc.array(fc.constantFrom(...arrivals), { maxLength: 40, size: "max" });

it("a final state is final", () => {
  fc.assert(
    fc.property(history, history, (before, later) => {
      const first = after(...before);
      if (first.status !== "done") return;
      const last = later.reduce<typeof born0>((s, e) => advance(instanceMachine, s, e), first);
      expect(last).toBe(first);
    }),
  );
});

it("a coordinator that restarts before every event sees the same", () => {
  fc.assert(
    fc.property(history, (events) => {
      const straight = after(...events);
      const restarted = events.reduce(
        (snapshot, event) =>
          advance(instanceMachine, thaw(instanceMachine, freeze(instanceMachine, snapshot)), event),
        born(instanceMachine, scheduled),
      );
      expect(freeze(instanceMachine, restarted)).toEqual(freeze(instanceMachine, straight));
    }),
  );
});

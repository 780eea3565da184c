import { advance, born } from "@pitaya/actors";
import {
  type DecisionOf,
  type ErrorCode,
  type Fact,
  InstanceId,
  ProcessId,
  SessionSnapshot,
} from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { taskOf } from "../testing/one-task-code.ts";
import { sampleRun } from "../testing/sample-run.ts";
import { type InstanceEvent, instanceMachine } from "./instance.machine.ts";

const instance = InstanceId.parse("0123456789abcdef");
const scheduled = {
  type: "instance.scheduled",
  instance,
  execution: "s1",
  key: "k",
  kind: "agent",
  fingerprint: "f".repeat(64),
  task: taskOf(sampleRun()),
} as DecisionOf<"instance.scheduled">;

const snapshotOf = (character: string) =>
  SessionSnapshot.parse({
    sessionId: character,
    session: { writer: "r1", sha256: character.repeat(64), bytes: 1, parts: 1, parents: [] },
    commit: character.repeat(40),
  });
const decide = (entry: Extract<InstanceEvent, { type: "DECIDED" }>["entry"]): InstanceEvent => ({
  type: "DECIDED",
  entry,
  at: 1_000,
  sequence: 7,
});
const placed = (attempt: number): InstanceEvent =>
  decide({
    type: "attempt.placed",
    instance,
    assumes: 0,
    attempt,
    runner: ProcessId.parse("runner-1"),
    claimTimeoutMs: 5_000,
  });
const told = (attempt: number, fact: Fact): InstanceEvent => ({ type: "TOLD", attempt, fact });
const running = (attempt: number) => [
  placed(attempt),
  told(attempt, { type: "attempt.claimed" }),
  told(attempt, { type: "attempt.started", container: "c", imageId: "i" }),
];
const took = (attempt: number, character: string) =>
  told(attempt, { type: "attempt.snapshot", snapshot: snapshotOf(character) });
const failed = (attempt: number, code: ErrorCode, character?: string) =>
  told(attempt, {
    type: "attempt.failed",
    error: { code, message: "", retryable: true },
    lastOutput: "",
    account: { agentMs: 0 },
    lfsObjectsMissing: 0,
    ...(character !== undefined && { snapshot: snapshotOf(character) }),
  });
const lost = (attempt: number): InstanceEvent => ({ type: "SEALED", attempt, reason: "lost" });
const again = decide({ type: "instance.queued", instance, assumes: 0, reason: "" });

const kept = (...events: readonly InstanceEvent[]) => {
  const state = events.reduce(
    (snapshot, event) => advance(instanceMachine, snapshot, event),
    born(instanceMachine, scheduled),
  );
  const { attempt, snapshot } = state.context.kept ?? {};
  return snapshot && [attempt, snapshot.sessionId];
};

describe("what a next attempt goes on from", () => {
  it("is the last snapshot of an attempt that was lost", () => {
    expect(kept(...running(1), lost(1), again, placed(2))).toBeUndefined();
    expect(kept(...running(1), took(1, "a"), took(1, "b"), lost(1), again, placed(2))).toEqual([
      1,
      "b",
    ]);
  });

  it("is what an attempt ended with, and otherwise its last", () => {
    const first = [...running(1), took(1, "a")];
    expect(kept(...first, failed(1, "timeout", "b"), again)).toEqual([1, "b"]);
    expect(kept(...first, failed(1, "timeout"), again)).toEqual([1, "a"]);
  });

  it("outlives an attempt that did not get as far as one of its own", () => {
    const first = [...running(1), took(1, "a"), lost(1), again];
    expect(kept(...first, placed(2), failed(2, "engine_unavailable"), again)).toEqual([1, "a"]);
    expect(kept(...first, ...running(2), took(2, "b"), lost(2), again)).toEqual([2, "b"]);
  });

  it("is nothing once its session could not be opened: the next attempt starts over", () => {
    const first = [...running(1), took(1, "a"), lost(1), again];
    expect(kept(...first, ...running(2), failed(2, "session_lost"), again)).toBeUndefined();
  });

  it("is nothing of an attempt that is over or sealed, after its end", () => {
    expect(kept(...running(1), took(1, "a"), lost(1), took(1, "b"), again)).toEqual([1, "a"]);
    expect(kept(...running(1), lost(1), again, placed(2), took(1, "b"))).toBeUndefined();
  });

  it("stays when an interrupted run is resumed, unless it is to begin afresh", () => {
    const interrupted = decide({ type: "instance.interrupted", instance, assumes: 0 });
    const first = [...running(1), failed(1, "interrupted", "a"), interrupted];
    expect(kept(...first, { type: "RUN_RESUMED", fresh: false })).toEqual([1, "a"]);
    expect(kept(...first, { type: "RUN_RESUMED", fresh: true })).toBeUndefined();
  });
});

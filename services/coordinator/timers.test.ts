import type { RunView } from "@pitaya/views";
import { describe, expect, it } from "vitest";
import { failed, succeeded } from "./testing/fake-runner.ts";
import {
  CLAIM_TIMEOUT_MS,
  CREDENTIALS_WAIT_MS,
  promptOf,
  rows,
  taskWorld,
} from "./testing/task-world.ts";

type World = Awaited<ReturnType<typeof taskWorld>>;

const state = (view: RunView) => [...view.instances.values()][0]?.state;

/** Time goes by, in which the runner keeps its lease. */
async function passes({ clock, runner }: World, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    clock.advance(Math.min(1_000, left));
    await runner.heartbeat();
  }
}

/** A run of one task whose first attempt has failed in a way that passes. */
async function backingOff(w: World): Promise<number> {
  await w.submit();
  await (await w.runner.take()).tell(failed("overloaded", true));
  const view = await w.until((v) => state(v) === "backingOff");
  return ([...view.instances.values()][0]?.dueAt ?? 0) - w.clock.now();
}

describe("a pause before the next attempt", () => {
  it("is as long as the provider asked for, and the slot is another's meanwhile", async () => {
    const w = await taskWorld();
    await w.coordinator("coord-1", "a", "b");
    await w.submit({ maxParallel: 1 });
    const limited = await w.runner.take();
    await limited.tell(failed("rate_limited", true, 40_000));
    const failedAt = w.clock.now();
    const meanwhile = await w.runner.take();
    expect(promptOf(meanwhile)).not.toBe(promptOf(limited));

    const waiting = await w.until(
      (v) => rows(v).t0?.[0] === "backingOff" || rows(v).t1?.[0] === "backingOff",
    );
    await meanwhile.tell(succeeded());
    const dueAt = Math.max(...[...waiting.instances.values()].map((row) => row.dueAt ?? 0));
    expect(dueAt - failedAt).toBeGreaterThanOrEqual(40_000);
    await passes(w, dueAt - failedAt);
    const again = await w.runner.take();
    expect([promptOf(again), again.start.attempt]).toEqual([promptOf(limited), 2]);
    await again.tell(succeeded());
    const view = await w.until((v) => v.phase === "succeeded");
    const row = [...view.instances.values()].find(({ attempts }) => attempts.length === 2);
    expect(row?.attempts[1]?.placedAt).toBe(dueAt);
  });

  it("that outlives its coordinator is neither cut short nor begun anew", async () => {
    const w = await taskWorld();
    const first = await w.coordinator("coord-1", "a");
    const pauseMs = await backingOff(w);
    await first.stop();
    w.clock.advance(pauseMs / 2);
    const second = await w.coordinator("coord-2", "a");
    w.clock.advance(pauseMs / 2 - 1);
    await w.runner.heartbeat();
    await second.stop();
    await w.coordinator("coord-3", "a");
    w.clock.advance(1);
    await (await w.runner.take()).tell(succeeded());
    const view = await w.until((v) => v.phase === "succeeded");
    const [row] = view.instances.values();
    expect(row?.attempts.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(row?.attempts[1]?.placedAt).toBe(row?.dueAt);
  });

  it("that ended while nobody decided ends when somebody does, once", async () => {
    const w = await taskWorld();
    const first = await w.coordinator("coord-1", "a");
    const pauseMs = await backingOff(w);
    await first.stop();
    w.clock.advance(pauseMs * 10);
    await w.runner.heartbeat();
    await w.coordinator("coord-2", "a");
    await (await w.runner.take()).tell(succeeded());
    const view = await w.until((v) => v.phase === "succeeded");
    expect(rows(view)).toEqual({ t0: ["succeeded", 2] });
  });
});

it("an attempt nobody claims is placed again when its time is over, whoever decides by then", async () => {
  const w = await taskWorld();
  const first = await w.coordinator("coord-1", "a");
  await w.submit();
  await w.until((v) => state(v) === "placed");
  await passes(w, CLAIM_TIMEOUT_MS / 2);
  await first.stop();
  await w.coordinator("coord-2", "a");
  await passes(w, CLAIM_TIMEOUT_MS / 2);
  const view = await w.until((v) => [...v.instances.values()][0]?.attempts.length === 2);
  expect([...view.instances.values()][0]?.attempts[0]?.end).toEqual({
    type: "sealed",
    reason: "unclaimed",
  });
});

it("a run that only waits for credentials is interrupted in the end, whoever decides by then", async () => {
  const w = await taskWorld(["ANTHROPIC_API_KEY"]);
  const first = await w.coordinator("coord-1", "a");
  await w.submit();
  await w.until((v) => state(v) === "waitingForCredentials");
  w.clock.advance(CREDENTIALS_WAIT_MS - 1);
  await first.stop();
  await w.coordinator("coord-2", "a");
  w.clock.advance(1);
  const view = await w.until((v) => v.phase === "interrupted");
  expect(rows(view)).toEqual({ t0: ["interrupted", 0] });
});

import { decode } from "@pitaya/bus";
import { buckets, RunProjection } from "@pitaya/protocol";
import { defineStrategy } from "@pitaya/strategies";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { builtInStrategies } from "./adapters/built-in-strategies.ts";
import { fakeRunner, succeeded } from "./testing/fake-runner.ts";
import { NEEDS_KEY, runWorld, submitted } from "./testing/run-world.ts";

describe("a coordinator that dies", () => {
  it("is followed by another that goes on where the log stands", async () => {
    const { w, coordinator: first, runner, run } = await submitted();
    const attempt = await runner.take();
    await first.stop();
    await attempt.tell(succeeded());
    await w.startCoordinator("coord-2").deciding;
    const view = await w.until(run.run, (v) => v.phase === "succeeded");
    expect([...view.instances.values()][0]?.attempts).toHaveLength(1);
  });

  it("is followed by one that reads only what came after the last checkpoint", async () => {
    const w = await runWorld();
    const first = w.startCoordinator("coord-1", { checkpointEvery: 1 });
    await first.deciding;
    const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
    const done = w.spec({ run: "run_20260102_030405_00000001" });
    await w.submit(done);
    await (await runner.take()).tell(succeeded());
    await w.until(done.run, (v) => v.phase === "succeeded");
    const run = w.spec();
    await w.submit(run);
    const attempt = await runner.take();
    await w.until(run.run, (v) => w.states(v)[0] === "claimed");
    await first.stop();

    const { lastSequence } = await w.client.events.state();
    await w.startCoordinator("coord-2").deciding;
    expect(w.readFrom).toEqual([1, lastSequence + 1]);
    await attempt.tell(succeeded());
    const view = await w.until(run.run, (v) => v.phase === "succeeded");
    expect([...view.instances.values()][0]?.attempts).toHaveLength(1);
    // One that ended before the checkpoint is known all the same.
    expect((await w.submit(done)).value.status).toBe("known");
  });

  it("before it wrote the row of a run that ended is followed by one that writes it", async () => {
    const { w, coordinator: first, runner, run } = await submitted();
    await (await runner.take()).tell(succeeded());
    await w.until(run.run, (v) => v.phase === "succeeded");
    await first.stop();
    const rows = w.client.bucket(buckets.runs);
    await w.broker.connect("admin").bucket(buckets.runs).delete(run.run);

    await w.startCoordinator("coord-2").deciding;
    for await (const change of rows.watch(new AbortController().signal)) {
      if (!("value" in change)) continue;
      expect(decode(RunProjection, change.value, "row")).toMatchObject({ status: "completed" });
      break;
    }
  });

  it("and decided once more than it knew is followed by one that folds that first", async () => {
    const { w, runner, run } = await submitted();
    const attempt = await runner.take();
    // It takes the lease while the first still believes that it decides.
    await w.startCoordinator("coord-2", { takeOver: true }).deciding;
    await attempt.tell(succeeded());
    const view = await w.until(run.run, (v) => v.phase === "succeeded");
    expect(view.stale).toBe(0);
    expect([...view.instances.values()][0]?.attempts).toHaveLength(1);
  });

  it("has handed its secrets to the one that stands by", async () => {
    const w = await runWorld();
    const first = w.startCoordinator("coord-1");
    await first.deciding;
    const second = w.startCoordinator("coord-2");
    const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
    const run = w.spec({ agent: NEEDS_KEY });
    await w.submit(run, [await w.sealTo("coord-1", run)]);
    const { start: order } = await runner.take();
    await first.stop();
    w.clock.advance(500);
    await second.deciding;
    expect(await w.secretsFor(order, runner)).toEqual({ ANTHROPIC_API_KEY: "canary-1" });
  });
});

describe("a coordinator whose place another process of its name has taken", () => {
  it("learns it and does nothing any more; the other goes on", async () => {
    const { w, coordinator: first, runner, run } = await submitted();
    const attempt = await runner.take();
    const second = w.startCoordinator("coord-1");
    await second.deciding;
    for (let passed = 0; passed < buckets.coordinators.ttlMs / 3; passed += 2_000) {
      await w.pass(2_000);
      await runner.heartbeat();
    }
    await first.superseded;
    await first.stop();
    expect(await w.client.bucket(buckets.coordinators).get("coord-1")).toBeDefined();
    await attempt.tell(succeeded());
    await w.until(run.run, (v) => v.phase === "succeeded");
  });
});

describe("a strategy that sleeps", () => {
  const naps = builtInStrategies(
    () => undefined,
    [
      defineStrategy({
        name: "naps",
        params: z.object({}),
        async execute({ prompt }, ctx) {
          await Promise.all([ctx.sleep(60_000), ctx.sleep(20_000)]);
          const task = ctx.run({ prompt }, { key: "after" });
          await ctx.wait(task);
          return { status: "succeeded", tasks: [task.key] };
        },
      }),
    ],
  );
  const fired = (decisions: readonly string[]) =>
    decisions.filter((type) => type === "timer.fired");

  it("goes on when its time has come, once, though the coordinator is another by then", async () => {
    const w = await runWorld();
    const first = w.startCoordinator("coord-1", { strategies: naps });
    await first.deciding;
    const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
    const run = w.spec({ strategy: { name: "naps", params: {} } });
    await w.submit(run);
    await w.untilDecided(run.run, (types) => types.includes("timer.set"));
    w.clock.advance(20_000);
    await w.untilDecided(run.run, (types) => fired(types).length === 1);
    await first.stop();

    // Due while nobody decides.
    w.clock.advance(39_999);
    const second = w.startCoordinator("coord-2", { strategies: naps });
    await second.deciding;
    await runner.heartbeat();
    expect(fired(await w.decided(run.run))).toHaveLength(1);
    w.clock.advance(1);
    await runner.heartbeat();
    await (await runner.take()).tell(succeeded());
    await w.until(run.run, (v) => v.phase === "succeeded");
    expect(fired(await w.decided(run.run))).toHaveLength(2);
  });
});

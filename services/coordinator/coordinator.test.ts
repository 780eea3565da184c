import { ask } from "@pitaya/bus";
import { runEvents, subjects } from "@pitaya/protocol";
import { defineStrategy } from "@pitaya/strategies";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { builtInStrategies } from "./adapters/built-in-strategies.ts";
import { failed, fakeRunner, succeeded } from "./testing/fake-runner.ts";
import { NEEDS_KEY, RUNNER_LEASE_MS, runWorld, START_MS, submitted } from "./testing/run-world.ts";
import { sampleRun } from "./testing/sample-run.ts";

describe("a run of one instance", () => {
  it("goes from submission to success through one claimed attempt", async () => {
    const w = await runWorld();
    await w.startCoordinator("coord-1").deciding;
    const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
    const run = w.spec();
    expect((await w.submit(run)).value.status).toBe("accepted");

    const attempt = await runner.take();
    expect(attempt.start).toMatchObject({ run: run.run, attempt: 1, runner: "runner-1" });
    await attempt.tell({ type: "attempt.started", container: "c", imageId: "i" });
    await attempt.tell(succeeded());

    const view = await w.until(run.run, (v) => v.phase === "succeeded");
    expect(w.states(view)).toEqual(["succeeded"]);
    expect([...view.executions.values()][0]?.outcome?.status).toBe("succeeded");
    const [row] = view.instances.values();
    expect(row?.branch).toBe(`pitaya/simple/${run.run}/k${row?.instance.slice(0, 8)}`);
  });

  it("is accepted again when it is submitted again, and refused when it is another", async () => {
    const w = await runWorld();
    await w.startCoordinator("coord-1").deciding;
    const run = w.spec();
    await w.submit(run);
    await w.until(run.run, (v) => v.phase === "executing");
    expect((await w.submit(run)).value.status).toBe("known");
    await expect(w.submit({ ...run, retries: 3 })).rejects.toMatchObject({ code: "run_conflict" });
  });

  it("is refused when a bundle is not in the store", async () => {
    const w = await runWorld();
    await w.startCoordinator("coord-1").deciding;
    await expect(w.submit(sampleRun())).rejects.toMatchObject({ code: "blob_missing" });
  });
});

it("starts no more of a run at once than it may, and each agent's start lets the next one in", async () => {
  const { w, runner, run } = await submitted({ executions: 4, maxStarting: 2 });
  await w.until(run.run, (v) => v.instances.size === 4);
  const attempts = [await runner.take(), await runner.take()];
  for (const next of [3, 4]) {
    const placed = (await w.decided(run.run)).filter((type) => type === "attempt.placed");
    expect(placed).toHaveLength(next - 1);
    const starting = attempts.at(-1);
    await starting?.tell({ type: "attempt.entered", phase: "preparing" });
    await starting?.tell({ type: "attempt.started", container: "c", imageId: "i" });
    attempts.push(await runner.take());
  }
  for (const attempt of attempts) await attempt.tell(succeeded());
  await w.until(run.run, (v) => v.phase === "succeeded");
});

describe("a failure", () => {
  it("that is retryable makes a second attempt after the pause, not before", async () => {
    const { w, runner, run } = await submitted();
    await (await runner.take()).tell(failed("overloaded", true));
    const waiting = await w.until(run.run, (v) => w.states(v)[0] === "backingOff");
    const [row] = waiting.instances.values();
    expect(row?.dueAt).toBe(START_MS + 2_000);

    w.clock.advance(1_999);
    await runner.heartbeat();
    w.clock.advance(1);
    const second = await runner.take();
    expect(second.start.attempt).toBe(2);
    await second.tell(succeeded());
    await w.until(run.run, (v) => v.phase === "succeeded");
  });

  it("that is not retryable is final at once, and so is the run", async () => {
    const { w, runner, run } = await submitted();
    await (await runner.take()).tell(failed("agent_failed", false));
    const view = await w.until(run.run, (v) => v.phase === "failed");
    expect(view.error?.code).toBe("agent_failed");
    expect([...view.instances.values()][0]?.attempts).toHaveLength(1);
  });

  it("fails for good when the retries are used up", async () => {
    const { w, runner, run } = await submitted({ retries: 1 });
    await (await runner.take()).tell(failed("overloaded", true));
    await w.until(run.run, (v) => w.states(v)[0] === "backingOff");
    w.clock.advance(2_000);
    await (await runner.take()).tell(failed("overloaded", true));
    const view = await w.until(run.run, (v) => v.phase === "failed");
    expect([...view.instances.values()][0]?.attempts).toHaveLength(2);
  });
});

describe("a runner that falls silent", () => {
  it("loses its attempt by a seal, and another runner gets the instance", async () => {
    const { w, runner: first, run } = await submitted();
    const lost = await first.take();
    const second = await fakeRunner(w.broker.connect("runner-2"), "runner-2");

    await w.pass(RUNNER_LEASE_MS - 1);
    await second.heartbeat();
    await w.pass(2);
    await second.heartbeat();
    const again = await second.take();
    expect(again.start.attempt).toBe(2);
    expect(await lost.tell(succeeded())).toBe(false);
    await again.tell(succeeded());
    const view = await w.until(run.run, (v) => v.phase === "succeeded");
    const [row] = view.instances.values();
    expect(row?.attempts.map(({ runner, end }) => [runner, end?.type])).toEqual([
      ["runner-1", "sealed"],
      ["runner-2", "attempt.succeeded"],
    ]);
  });
});

describe("stopping", () => {
  const stop = (
    w: Awaited<ReturnType<typeof runWorld>>,
    run: string,
    mode: "interrupt" | "cancel",
  ) =>
    ask(
      w.client,
      "stop",
      subjects.apiRun.of({ run, verb: "stop" }),
      { v: 1, mode, by: "test", reason: "asked" },
      5_000,
    );

  it("interrupts a run: the runner is told, and the run can be resumed to success", async () => {
    const { w, runner, run } = await submitted();
    const attempt = await runner.take();
    await stop(w, run.run, "interrupt");
    expect(await runner.nextCancel()).toMatchObject({
      instance: attempt.start.instance,
      mode: "interrupt",
    });
    await attempt.tell(failed("cancelled", false));
    const stopped = await w.until(run.run, (v) => v.phase === "interrupted");
    expect(w.states(stopped)).toEqual(["interrupted"]);

    await ask(
      w.client,
      "resume",
      subjects.apiRun.of({ run: run.run, verb: "resume" }),
      { v: 1, by: "test", fresh: false, secrets: [] },
      5_000,
    );
    await (await runner.take()).tell(succeeded());
    await w.until(run.run, (v) => v.phase === "succeeded");
  });

  it("seals an attempt whose runner does not stop it in time", async () => {
    const { w, runner, run } = await submitted();
    const attempt = await runner.take();
    await stop(w, run.run, "cancel");
    await runner.nextCancel();
    for (let second = 0; second < 31; second++) {
      w.clock.advance(1_000);
      await runner.heartbeat();
    }
    const view = await w.until(run.run, (v) => v.phase === "cancelled");
    expect(w.states(view)).toEqual(["cancelled"]);
    expect(await attempt.tell(succeeded())).toBe(false);
  });
});

it("all live runs can be stopped at once, and tells which they were", async () => {
  const w = await runWorld();
  const coordinator = w.startCoordinator("coord-1");
  await coordinator.deciding;
  const run = w.spec();
  await w.submit(run);
  await w.until(run.run, (v) => w.states(v)[0] === "queued");
  expect(await coordinator.interruptAll("the stack goes down")).toEqual([run.run]);
  expect(coordinator.liveRuns).toBe(0);
  await w.until(run.run, (v) => v.phase === "interrupted");
});

it("a strategy that asks for thousands of tasks at once gets them in messages that fit", async () => {
  const tasks = 2_500;
  const strategies = builtInStrategies(
    () => undefined,
    [
      defineStrategy({
        name: "many",
        params: z.object({}),
        async execute({ prompt }, ctx) {
          const keys = Array.from({ length: tasks }, (_, n) =>
            ctx.run({ prompt }, { key: `${n}` }),
          );
          await Promise.all(keys.map(ctx.wait));
          return { status: "succeeded", tasks: [] };
        },
      }),
    ],
  );
  const w = await runWorld();
  await w.startCoordinator("coord-1", { strategies }).deciding;
  const run = w.spec({ strategy: { name: "many", params: {} } });
  await w.submit(run);
  const view = await w.until(run.run, (v) => v.instances.size === tasks);
  expect(new Set(w.states(view))).toEqual(new Set(["queued"]));
  for await (const { payload } of w.client.events.read(runEvents(run.run))) {
    expect(payload.byteLength).toBeLessThan(256 * 1024);
  }
});

describe("credentials", () => {
  it("nobody holds make the work wait without a slot, and it goes on when they come", async () => {
    const { w, runner, run } = await submitted({ agent: NEEDS_KEY });
    await w.until(run.run, (v) => w.states(v)[0] === "waitingForCredentials");

    const secrets = [await w.sealTo("coord-1", run)];
    await ask(
      w.client,
      "secrets",
      subjects.apiRun.of({ run: run.run, verb: "secrets" }),
      { v: 1, secrets },
      5_000,
    );
    const { start: order } = await runner.take();
    expect(await w.secretsFor(order, runner)).toEqual({ ANTHROPIC_API_KEY: "canary-1" });
    for (const payload of w.broker.payloads()) {
      expect(Buffer.from(payload).includes("canary-1")).toBe(false);
    }
  });
});

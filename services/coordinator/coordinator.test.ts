import { setImmediate as turn } from "node:timers/promises";
import { manualClock } from "@pitaya/actors";
import { ask, type Bus, decode, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import {
  buckets,
  DecisionMessage,
  RunProjection,
  type RunSpec,
  runEvents,
  type StartCommand,
  subjects,
} from "@pitaya/protocol";
import { defineStrategy } from "@pitaya/strategies";
import { type RunView, runLog, runView } from "@pitaya/views";
import pino from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { builtInStrategies } from "./adapters/built-in-strategies.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import { start } from "./start.ts";
import { type FakeRunner, failed, fakeRunner, succeeded } from "./testing/fake-runner.ts";
import { oneTaskCode } from "./testing/one-task-code.ts";
import { sampleRun } from "./testing/sample-run.ts";

const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const RUNNER_LEASE_MS = 5_000;
const NEEDS_KEY = { ...sampleRun().agent, credentials: ["ANTHROPIC_API_KEY"] };

/** A broker, a clock that stands still, a coordinator, and a client that reads the log. */
async function world(options: { random?: () => number } = {}) {
  const clock = manualClock(START_MS);
  const broker = memoryBroker({ clock: { now: clock.now, after: clock.setTimer } });
  const client = broker.connect("cli");
  /** From where each coordinator has followed the log. */
  const readFrom: number[] = [];
  const noting = (bus: Bus): Bus => ({
    ...bus,
    events: {
      ...bus.events,
      follow(filters, following) {
        readFrom.push(following.fromSequence ?? 1);
        return bus.events.follow(filters, following);
      },
    },
  });
  const startCoordinator = (
    id: string,
    more: { takeOver?: boolean; checkpointEvery?: number; strategies?: StrategyCode } = {},
  ) => {
    const coordinator = start({
      bus: noting(broker.connect(id)),
      id,
      version: "0.0.0",
      log: pino({ level: process.env.LOG ?? "silent" }),
      strategies: oneTaskCode,
      check: () => undefined,
      ...more,
      clock,
      random: options.random ?? (() => 0),
      runnerLeaseMs: RUNNER_LEASE_MS,
      claimTimeoutMs: 20_000,
      cancelGraceMs: 30_000,
      credentialsWaitMs: 600_000,
    });
    onTestFinished(() => coordinator.stop());
    return coordinator;
  };
  const blob = await client.blobs.put(async function* () {
    yield new Uint8Array([1, 2, 3]);
  });
  const spec = (changes: Record<string, unknown> = {}): RunSpec => {
    const plain = sampleRun(changes);
    const [bundle] = plain.base.bundles;
    return { ...plain, base: { ...plain.base, bundles: bundle ? [{ ...bundle, blob }] : [] } };
  };
  const submit = (run: RunSpec, secrets: ReturnType<ReturnType<typeof sealer>["seal"]>[] = []) =>
    ask(client, "submit", subjects.api.of({ verb: "submit" }), { v: 1, spec: run, secrets }, 5_000);

  /** Reads the run's log until the view satisfies the condition. */
  async function until(run: string, condition: (view: RunView) => boolean): Promise<RunView> {
    const log = runLog();
    const fold = runView();
    const stop = new AbortController();
    for await (const item of client.events.follow(runEvents(run), { signal: stop.signal })) {
      if ("caughtUp" in item) continue;
      for (const event of log.admit(item)) fold.apply(event);
      if (condition(fold.view)) break;
    }
    stop.abort();
    return fold.view;
  }
  /** Types of everything decided, in order. */
  async function untilDecided(run: string, enough: (types: readonly string[]) => boolean) {
    const types: string[] = [];
    const stop = new AbortController();
    const filter = [subjects.decision.filter({ run })];
    for await (const item of client.events.follow(filter, { signal: stop.signal })) {
      if ("caughtUp" in item) continue;
      const { entries } = decode(DecisionMessage, item.payload, "decision");
      types.push(...entries.map(({ type }) => type));
      if (enough(types)) break;
    }
    stop.abort();
    return types;
  }
  async function decided(run: string) {
    const types: string[] = [];
    for await (const { payload } of client.events.read([subjects.decision.filter({ run })])) {
      types.push(...decode(DecisionMessage, payload, "decision").entries.map(({ type }) => type));
    }
    return types;
  }
  const states = (view: RunView) => [...view.instances.values()].map((row) => row.state);
  /** A key of the run's, sealed to this coordinator. */
  async function sealTo(coordinator: string, { run }: RunSpec) {
    const subject = subjects.apiKeys.of({ coordinator });
    const { value } = await ask(client, "keys", subject, { v: 1 }, 5_000);
    return sealer().seal(value.curveKey, { v: 1, run, values: { ANTHROPIC_API_KEY: "canary-1" } });
  }
  /** What a runner is given for this start. */
  async function secretsFor({ run, instance, attempt }: StartCommand, runner: FakeRunner) {
    const subject = subjects.api.of({ verb: "runner-secret" });
    const request = { v: 1 as const, run, instance, attempt, runner: runner.id };
    const { value } = await ask(client, "runner-secret", subject, request, 5_000);
    return runner.curve.open(value.secrets, run).values;
  }
  /** Time goes by, with what is due in it done in between. */
  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(left, 500));
      await turn();
    }
  }
  return {
    clock,
    pass,
    broker,
    client,
    startCoordinator,
    readFrom,
    spec,
    submit,
    until,
    states,
    sealTo,
    secretsFor,
    untilDecided,
    decided,
  };
}

/** A world with a coordinator that decides, a runner, and a run that was submitted. */
async function submitted(changes: Record<string, unknown> = {}) {
  const w = await world();
  const coordinator = w.startCoordinator("coord-1");
  await coordinator.deciding;
  const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
  const run = w.spec(changes);
  await w.submit(run);
  return { w, coordinator, runner, run };
}

describe("a run of one instance", () => {
  it("goes from submission to success through one claimed attempt", async () => {
    const w = await world();
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
    const w = await world();
    await w.startCoordinator("coord-1").deciding;
    const run = w.spec();
    await w.submit(run);
    await w.until(run.run, (v) => v.phase === "executing");
    expect((await w.submit(run)).value.status).toBe("known");
    await expect(w.submit({ ...run, retries: 3 })).rejects.toMatchObject({ code: "run_conflict" });
  });

  it("is refused when a bundle is not in the store", async () => {
    const w = await world();
    await w.startCoordinator("coord-1").deciding;
    await expect(w.submit(sampleRun())).rejects.toMatchObject({ code: "blob_missing" });
  });
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
  const stop = (w: Awaited<ReturnType<typeof world>>, run: string, mode: "interrupt" | "cancel") =>
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
  const w = await world();
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
  const w = await world();
  await w.startCoordinator("coord-1", { strategies }).deciding;
  const run = w.spec({ strategy: { name: "many", params: {} } });
  await w.submit(run);
  const view = await w.until(run.run, (v) => v.instances.size === tasks);
  expect(new Set(w.states(view))).toEqual(new Set(["queued"]));
  for await (const { payload } of w.client.events.read(runEvents(run.run))) {
    expect(payload.byteLength).toBeLessThan(256 * 1024);
  }
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
    const w = await world();
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
    const w = await world();
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
    const w = await world();
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

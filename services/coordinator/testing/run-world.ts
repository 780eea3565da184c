import { setImmediate as turn } from "node:timers/promises";
import { manualClock } from "@pitaya/actors";
import { ask, type Bus, decode, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import {
  DecisionMessage,
  type RunSpec,
  runEvents,
  type StartCommand,
  subjects,
} from "@pitaya/protocol";
import { type RunView, runLog, runView } from "@pitaya/views";
import pino from "pino";
import { onTestFinished } from "vitest";
import type { StrategyCode } from "../ports/strategy-code.port.ts";
import { start } from "../start.ts";
import { type FakeRunner, fakeRunner } from "./fake-runner.ts";
import { oneTaskCode } from "./one-task-code.ts";
import { sampleRun } from "./sample-run.ts";

export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
export const RUNNER_LEASE_MS = 5_000;
export const NEEDS_KEY = { ...sampleRun().agent, credentials: ["ANTHROPIC_API_KEY"] };

/** A broker, a clock that stands still, a coordinator, and a client that reads the log. */
export async function runWorld(options: { random?: () => number } = {}) {
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
export async function submitted(changes: Record<string, unknown> = {}) {
  const w = await runWorld();
  const coordinator = w.startCoordinator("coord-1");
  await coordinator.deciding;
  const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
  const run = w.spec(changes);
  await w.submit(run);
  return { w, coordinator, runner, run };
}

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { type Clock, type ManualClock, systemClock } from "@pitaya/actors";
import { type Bus, decode, encode, type StoredMessage, sealer } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import * as git from "@pitaya/git";
import type { AgentPlugin } from "@pitaya/plugins";
import {
  AttemptMessage,
  buckets,
  CancelCommand,
  ConfirmCommand,
  type Fact,
  type FactOf,
  type FactType,
  instanceId,
  messageIds,
  RunId,
  RunnerLiveness,
  SealMessage,
  type SealReason,
  type SessionSnapshot,
  StartCommand,
  type StopMode,
  subjects,
  type TaskSpec,
} from "@pitaya/protocol";
import { redactorPool } from "@pitaya/redaction";
import pino from "pino";
import { expect } from "vitest";
import { runnerDisk } from "../adapters/runner-disk.ts";
import { runnerLease } from "../adapters/runner-lease.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { Executor } from "../ports/executor.port.ts";
import { livenessInProcess } from "../runner/liveness.ts";
import { type Runner, type RunnerSettings, startRunner } from "../runner/runner.ts";
import type { BaseRepository } from "./base-repository.ts";
import { closedGateway } from "./closed-gateway.ts";
import type { FakeScript } from "./fake-executor.ts";
import type { LapsingLease } from "./lapsing-lease.ts";
import { linePlugin } from "./line-plugin.ts";
import { sampleTask } from "./sample-task.ts";

export const RUNNER = "r1";
export const RUN = RunId.parse("run_20260101_000000_00000001");

/** A message of one attempt's chain, short: who wrote it and what. */
export interface ChainEntry {
  readonly by: string;
  readonly n: number;
  readonly fact?: Fact;
  readonly seal?: SealReason;
}

/**
 * A runner-agent on a bus in memory, and everything around it that the coordinator and the engine
 * would be. Stopping and starting it again leaves bus, engine and state directory as they are.
 */
export async function runnerHarness(options: {
  readonly executor: Executor;
  readonly base: Pick<BaseRepository, "publish" | "seed">;
  readonly clock?: Clock;
  readonly gateway?: Gateway;
  readonly settings?: Partial<RunnerSettings>;
  readonly log?: boolean;
  /** Containers run only while this is held. */
  readonly lease?: LapsingLease;
  /** Instead of the agent of the tests. */
  readonly findPlugin?: (name: string) => AgentPlugin | undefined;
  readonly ownHosts?: () => ReadonlySet<string>;
}) {
  const clock = options.clock ?? systemClock;
  const stateDir = await mkdtemp(join(tmpdir(), "pitaya-runner-"));
  const broker = memoryBroker({ clock: { now: clock.now, after: clock.setTimer } });
  const bus = broker.connect("coordinator");
  const base = await options.base.publish(broker.connect("client"));
  await options.base.seed(stateDir);
  await bus.commands.ensureQueues(RUNNER);
  let incarnations = 0;
  let orders = 0;
  const running: Runner[] = [];

  const taskOf = (over: Partial<TaskSpec> = {}): TaskSpec => sampleTask({ base, ...over });
  const orderOf = (key: string, over: { readonly epoch?: number; readonly attempt?: number }) => ({
    v: 1 as const,
    runner: RUNNER,
    epoch: over.epoch ?? 1,
    decision: 1,
    run: RUN,
    instance: instanceId(RUN, "s1", key),
    attempt: over.attempt ?? 1,
    at: new Date(clock.now()).toISOString(),
  });
  const subjectOf = (key: string, attempt = 1) =>
    subjects.fact.of({
      runner: RUNNER,
      run: RUN,
      instance: instanceId(RUN, "s1", key),
      attempt: String(attempt),
    });
  const outputSubjectOf = (key: string) =>
    subjects.output.of({
      runner: RUNNER,
      run: RUN,
      instance: instanceId(RUN, "s1", key),
      attempt: "1",
    });

  async function chain(key: string, attempt = 1): Promise<ChainEntry[]> {
    const entries: ChainEntry[] = [];
    for await (const message of bus.events.read([subjectOf(key, attempt)]))
      entries.push(entryOf(message));
    return entries;
  }

  return {
    bus,
    broker,
    base,
    clock,
    stateDir,
    chain,
    taskOf,
    orderOf,
    outputSubjectOf,

    /** Starts a new incarnation. */
    async start(over: Partial<RunnerSettings> = {}, own: Bus = broker.connect(RUNNER)) {
      incarnations += 1;
      const settings: RunnerSettings = {
        runner: RUNNER,
        version: "0.1.0",
        pool: "default",
        labels: {},
        slots: 2,
        leaseMs: 5_000,
        hostEndpoints: [],
        stopPatienceMs: 5_000,
        limits: {
          finalGraceMs: 10_000,
          killGraceMs: 50,
          harvestTimeoutMs: 30_000,
          collectTimeoutMs: 60_000,
          goneTimeoutMs: 30_000,
          pauseMaxMs: 600_000,
        },
        ...options.settings,
        ...over,
      };
      const runner = await startRunner(
        {
          bus: own,
          executor: options.executor,
          gateway: options.gateway ?? closedGateway(),
          disk: runnerDisk(stateDir),
          git,
          clock,
          log: pino({ level: options.log ? "debug" : "silent" }),
          incarnation: String(incarnations).padStart(8, "0"),
          sealer: sealer(),
          findPlugin: options.findPlugin ?? ((name) => (name === "line" ? linePlugin : undefined)),
          ownHosts: options.ownHosts ?? (() => new Set()),
          redactorOf: redactorPool(),
          liveness: (told) => {
            const lease = runnerLease(own.bucket(buckets.runners), RUNNER, settings.leaseMs);
            const unwatched = livenessInProcess(lease, told);
            return options.lease?.watch(unwatched, told) ?? unwatched;
          },
        },
        settings,
      );
      running.push(runner);
      return runner;
    },

    /** Orders a start, as the coordinator does after `attempt.placed`. */
    async order(
      key: string,
      over: {
        readonly epoch?: number;
        readonly attempt?: number;
        readonly task?: Partial<TaskSpec>;
        readonly snapshot?: SessionSnapshot;
      } = {},
    ): Promise<void> {
      const order = orderOf(key, over);
      const id = messageIds.start(order.run, order.instance, order.attempt, order.epoch);
      const { snapshot } = over;
      const task = taskOf(over.task);
      const payload = encode(StartCommand, { ...order, task, ...(snapshot && { snapshot }) });
      await bus.commands.publish(subjects.start.of({ runner: RUNNER }), { id, payload });
    },

    /** Orders something that is no start, or not one for this runner. */
    async orderRaw(payload: Uint8Array): Promise<void> {
      orders += 1;
      await bus.commands.publish(subjects.start.of({ runner: RUNNER }), {
        id: `raw-${orders}`,
        payload,
      });
    },

    async cancel(key: string, mode: StopMode = "cancel", over: { readonly epoch?: number } = {}) {
      orders += 1;
      const order = orderOf(key, over);
      const payload = encode(CancelCommand, { ...order, verb: "cancel", mode });
      const id = messageIds.control(order.run, order.instance, 1, "cancel", order.epoch, orders);
      await bus.commands.publish(subjects.control.of({ runner: RUNNER, verb: "cancel" }), {
        id,
        payload,
      });
    },

    /** Orders an attempt to go on, as the coordinator does when it has told of its pause. */
    async confirm(key: string): Promise<void> {
      orders += 1;
      const order = orderOf(key, {});
      const payload = encode(ConfirmCommand, { ...order, verb: "confirm" });
      const id = messageIds.control(order.run, order.instance, 1, "confirm", order.epoch, orders);
      await bus.commands.publish(subjects.control.of({ runner: RUNNER, verb: "confirm" }), {
        id,
        payload,
      });
    },

    /** Seals the attempt as it stands, as the coordinator does. */
    async seal(key: string, reason: SealReason = "lost"): Promise<void> {
      const { v, run, instance, attempt, epoch, at } = orderOf(key, {});
      const subject = subjectOf(key);
      const payload = encode(SealMessage, {
        v,
        by: "coordinator",
        coordinator: "c1",
        run,
        instance,
        attempt,
        epoch,
        n: 1,
        at,
        reason,
      } as never);
      const id = messageIds.seal(run, instance, attempt, epoch, 1);
      for (;;) {
        const expectedLast = (await bus.events.last(subject))?.sequence ?? 0;
        const result = await bus.events.append(subject, { id, payload, expectedLast });
        if (result.status === "stored") return;
      }
    },

    /** Waits for a fact of this type on the attempt's chain, and returns it. */
    async fact<T extends FactType>(type: T, key: string, attempt = 1): Promise<FactOf<T>> {
      const found = new AbortController();
      try {
        const follow = bus.events.follow([subjectOf(key, attempt)], { signal: found.signal });
        for await (const message of follow) {
          if ("caughtUp" in message) continue;
          const { fact } = entryOf(message);
          if (fact?.type === type) return fact as FactOf<T>;
        }
        throw new Error("the log ended");
      } finally {
        found.abort();
      }
    },

    /** Waits for the attempt to enter a phase. */
    async entered(phase: FactOf<"attempt.entered">["phase"], key: string): Promise<void> {
      const found = new AbortController();
      const follow = bus.events.follow([subjectOf(key)], { signal: found.signal });
      for await (const message of follow) {
        if ("caughtUp" in message) continue;
        const { fact } = entryOf(message);
        if (fact?.type === "attempt.entered" && fact.phase === phase) break;
      }
      found.abort();
    },

    /** The chain in short: who wrote which phase, fact or seal. */
    async story(key: string, attempt = 1): Promise<string[]> {
      return (await chain(key, attempt)).map(({ by, fact, seal }) => {
        const what = fact && "phase" in fact ? fact.phase : (fact?.type ?? seal);
        return `${by} ${what}`;
      });
    },

    /** The runner's liveness, if it has not lapsed. */
    async liveness(): Promise<RunnerLiveness | undefined> {
      const entry = await bus.bucket(buckets.runners).get(RUNNER);
      return entry && decode(RunnerLiveness, entry.value, "liveness");
    },

    /** Whether an order with this text still waits for its acknowledgement. */
    isQueued: (text: string) =>
      [...broker.payloads()].some((payload) => Buffer.from(payload).includes(text)),

    /** Everything published of the agent's output, in order. */
    async output(key: string): Promise<StoredMessage[]> {
      const messages: StoredMessage[] = [];
      for await (const message of bus.output.read([outputSubjectOf(key)])) messages.push(message);
      return messages;
    },

    async close(): Promise<void> {
      await Promise.all(running.map((runner) => runner.stop("kill")));
      await rm(stateDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Waits for what a function gives, as long as it takes on a busy machine. */
export const eventually = <T>(actual: () => T) =>
  expect.poll(actual, { timeout: 30_000, interval: 10 });

/** Moves time on in steps, leaving what each step set off the time to happen. */
export async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    clock.advance(Math.min(left, 500));
    await turn();
  }
  for (let n = 0; n < 5; n += 1) await turn();
}

/** An agent that says one thing, waits to be told, and ends well. */
export function patientAgent() {
  const go = Promise.withResolvers<void>();
  const script: FakeScript = async (agent) => {
    agent.write("stdout", "say working\n");
    await go.promise;
    agent.write("stdout", "done at last\n");
    return 0;
  };
  return { script, go: go.resolve };
}

export type RunnerHarness = Awaited<ReturnType<typeof runnerHarness>>;

function entryOf({ payload }: { readonly payload: Uint8Array }): ChainEntry {
  const message = decode(AttemptMessage, payload, "A message of an attempt");
  return message.by === "runner"
    ? { by: message.incarnation, n: message.n, fact: message.fact }
    : { by: "coordinator", n: message.n, seal: message.reason };
}

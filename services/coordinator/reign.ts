import { type Clock, intentRunner, mailbox } from "@pitaya/actors";
import { type Bus, decode, encode, loadText } from "@pitaya/bus";
import {
  ALL_EVENTS,
  buckets,
  type DecisionMessage,
  errorRecord,
  PitayaError,
  type ProcessId,
  RunnerAbout,
  RunnerLiveness,
  RunProjection,
  subjects,
} from "@pitaya/protocol";
import type { LogMessage } from "@pitaya/views";
import type { Logger } from "pino";
import type { HeldLease } from "./adapters/lease.ts";
import type { SecretHolder } from "./adapters/secret-holder.ts";
import { fleetState } from "./domain/fleet-state.ts";
import { LIVE_STATES, type Resolution } from "./domain/run-actors.ts";
import {
  type IntentWorld,
  nextDeadline,
  type RunIntent,
  runIntents,
} from "./domain/run-intents.ts";
import { projectRun } from "./domain/run-projection.ts";
import { placements } from "./domain/scheduler.ts";
import { decide, type ExecutionProgress } from "./domain/turn.ts";
import { fitting, turnMessage } from "./domain/turn-message.ts";
import { encodeDecision } from "./encode-decision.ts";
import { performIntent } from "./perform-intent.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import { foldMessage, isFinalRun, isLiveRun, type RunEntry, runEntry } from "./run-entry.ts";
import { progressOf, taskOutcome } from "./strategy-progress.ts";

export interface ReignOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 ≤ x < 1 */
  random(): number;
  readonly coordinator: ProcessId;
  readonly lease: HeldLease;
  readonly secrets: SecretHolder;
  readonly strategies: StrategyCode;
  readonly runnerLeaseMs: number;
  readonly claimTimeoutMs: number;
  /** From the order to stop until the attempt is sealed all the same. */
  readonly cancelGraceMs: number;
  /** A run that does nothing but wait for credentials is interrupted after this. */
  readonly credentialsWaitMs: number;
  /** Told when the number of live runs changes. */
  onLiveRuns(count: number): void;
  /** Told of what ends the reign: an error that is not of this run or that. */
  onFault(error: unknown): void;
}

/** One coordinator's time of deciding, from winning the lease to losing it or stopping. */
export interface Reign {
  readonly epoch: number;
  readonly liveRuns: number;
  entry(run: string): RunEntry | undefined;
  /** A runner's public key, as it announced it. */
  curveKeyOf(runner: string): string | undefined;
  /** Publishes these entries as soon as the run has nothing in flight. Resolves when they are read back. */
  ask(entry: RunEntry, entries: DecisionMessage["entries"]): Promise<void>;
  /** Resolves when the condition holds after some event. @throws `bus_unavailable` after `timeoutMs` */
  until(condition: () => boolean, what: string, timeoutMs: number): Promise<void>;
  /** Something outside the log changed: look at this run, or at all, again. */
  wake(run?: string): void;
  stop(): Promise<void>;
}

const MAX_APPEND_FAILURES_PAUSE_MS = 1_000;

/** Folds the whole log, then decides. Resolves when everything stored before is folded. */
export async function reign(options: ReignOptions): Promise<Reign> {
  const { bus, clock, log, lease } = options;
  const { epoch } = lease;
  const runs = new Map<string, RunEntry>();
  const fleet = fleetState(options.runnerLeaseMs);
  const stopping = new AbortController();
  const waiters = new Set<() => void>();
  const projected = new Map<string, number>();
  let caughtUp = false;
  let liveRuns = -1;
  let cancelFleetTimer: () => void = () => undefined;
  fleet.reconnected(clock.now());

  const box = mailbox<() => void | Promise<void>>(
    (work) => work(),
    (error) => fault(error),
  );
  const fault = (error: unknown) => {
    if (stopping.signal.aborted) return;
    log.error({ err: error }, "the coordinator cannot go on");
    options.onFault(error);
  };
  const post = (work: () => void | Promise<void>) => box.post(work);

  const perform = performIntent({
    bus,
    clock,
    coordinator: options.coordinator,
    epoch,
    secrets: options.secrets,
    toldToStop(run, instance, attempt) {
      const entry = runs.get(run);
      const name = `${instance}.${attempt}`;
      if (entry?.toldToStopAt.has(name)) return;
      entry?.toldToStopAt.set(name, clock.now());
      wake(run);
    },
  });

  const intentWorld = (entry: RunEntry): IntentWorld => ({
    now: clock.now(),
    cancelGraceMs: options.cancelGraceMs,
    toldToStopAt: (instance, attempt) => entry.toldToStopAt.get(`${instance}.${attempt}`),
    isLost(runner, instance, attempt) {
      const claimed = (entry.log.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
      return fleet.isLost(runner, { run: entry.run, instance, attempt }, claimed, clock.now());
    },
  });

  const liveByRunner = () => {
    const used = new Map<string, number>();
    for (const { actors, pendingPlacements } of runs.values()) {
      for (const runner of pendingPlacements) used.set(runner, (used.get(runner) ?? 0) + 1);
      for (const state of LIVE_STATES) {
        for (const id of actors?.inState(state) ?? []) {
          const runner = actors?.instance(id)?.context.runner ?? "";
          used.set(runner, (used.get(runner) ?? 0) + 1);
        }
      }
    }
    return used;
  };

  /** Who of this run goes where, in fairness to all runs. */
  function place(entry: RunEntry) {
    const used = liveByRunner();
    const runners = fleet.available(clock.now()).map(({ runner, slots }) => ({
      runner,
      slots,
      used: used.get(runner) ?? 0,
    }));
    const free = runners.reduce((sum, r) => sum + Math.max(0, r.slots - r.used), 0);
    if (free === 0) return [];
    const demands = [...runs.values()].flatMap(({ run, actors, pendingPlacements }) => {
      const queued = actors?.inState("queued");
      if (!actors || !queued?.size || actors.phase !== "executing" || actors.stopping) return [];
      if (!options.secrets.holds(run, actors.spec.agent.credentials)) return [];
      const live = LIVE_STATES.reduce((sum, state) => sum + actors.inState(state).size, 0);
      const first = [...queued].slice(0, free);
      const { maxParallel } = actors.spec;
      return [{ run, queued: first, live: live + pendingPlacements.length, maxParallel }];
    });
    return placements(demands, runners).filter(({ run }) => run === entry.run);
  }

  /** Brings the code of every open execution to where the log leads. */
  async function bringCode(entry: RunEntry): Promise<void> {
    const { actors } = entry;
    if (actors === undefined || isFinalRun(entry)) return;
    for (const [execution, snapshot] of actors.executions) {
      if (entry.code.has(execution) || snapshot.status === "done") continue;
      entry.prompt ??= await loadText(bus, actors.spec.prompt);
      const { calls } = snapshot.context;
      const code = await options.strategies.start(actors.spec, execution, entry.prompt, calls);
      entry.code.set(execution, code);
      for (const resolution of entry.history) {
        if (resolution.execution === execution) await deliver(entry, resolution);
      }
    }
  }

  async function deliver(entry: RunEntry, resolution: Resolution): Promise<void> {
    const code = entry.code.get(resolution.execution);
    const snapshot = entry.actors?.instance(resolution.instance);
    const row = entry.fold.view.instances.get(resolution.instance);
    if (!code || !snapshot || !row) return;
    const { key } = snapshot.context.scheduled;
    await code.deliver(key, await taskOutcome(bus, snapshot, row));
  }

  async function append(entry: RunEntry, entries: DecisionMessage["entries"]): Promise<boolean> {
    const { actors } = entry;
    if (actors === undefined) return false;
    const { run } = actors.spec;
    const turn = turnMessage(
      {
        run,
        epoch,
        coordinator: options.coordinator,
        now: new Date(clock.now()),
        chain: entry.log.decisions,
      },
      entries,
    );
    const subject = subjects.decision.of({ run });
    const payload = encodeDecision(turn.message);
    const { id, expectedLast } = turn;
    const result = await bus.events.append(subject, { id, payload, expectedLast }, stopping.signal);
    if (result.status === "conflict") {
      throw new PitayaError("stale_epoch", `another coordinator decides on ${run} now`);
    }
    entry.inFlight = result.sequence;
    entry.pendingPlacements = entries.flatMap((e) =>
      e.type === "attempt.placed" ? [e.runner] : [],
    );
    return true;
  }

  const isSettledHere = (entry: RunEntry) => entry.log.decisions.lastSequence >= entry.inFlight;

  /** One look at a run: decide if there is something to decide, and keep the outside in step. */
  async function turn(entry: RunEntry): Promise<void> {
    if (!caughtUp || stopping.signal.aborted || entry.actors === undefined) return;
    if (!isSettledHere(entry)) return;
    const { actors } = entry;
    const asked = entry.asked.shift();
    if (asked) {
      const owner = entry.log.decisions.epoch < epoch ? [{ type: "owner.changed" } as const] : [];
      await append(entry, [...owner, ...asked.entries]).then(asked.done, asked.failed);
      return;
    }
    await bringCode(entry);
    const progress = new Map<string, ExecutionProgress>();
    for (const [execution, code] of entry.code) {
      progress.set(execution, progressOf(actors.spec.run, execution, code));
    }
    const entries = decide(actors, {
      epoch,
      now: clock.now(),
      random: options.random,
      credentialsHeld: options.secrets.holds(entry.run, actors.spec.agent.credentials),
      placements: place(entry),
      progress,
      claimTimeoutMs: options.claimTimeoutMs,
    });
    const now = entries.length > 0 ? fitting(entries) : waitedTooLong(entry);
    if (now.length > 0) await append(entry, [...now]);
    keepIntents(entry);
    await project(entry);
    countLive();
  }

  /** A run in which nothing moves for want of credentials is interrupted in the end. */
  function waitedTooLong(entry: RunEntry): DecisionMessage["entries"] {
    const { actors } = entry;
    const waiting = actors?.inState("waitingForCredentials").size ?? 0;
    const busy = (["queued", "backingOff", ...LIVE_STATES] as const).some(
      (state) => (actors?.inState(state).size ?? 0) > 0,
    );
    if (waiting === 0 || busy || actors?.stopping) {
      entry.waitingSince = undefined;
      return [];
    }
    entry.waitingSince ??= clock.now();
    if (clock.now() < entry.waitingSince + options.credentialsWaitMs) return [];
    const reason = "nobody brought the credentials it waits for";
    return [{ type: "run.stopping", mode: "interrupt", by: options.coordinator, reason }];
  }

  function keepIntents(entry: RunEntry): void {
    const { actors } = entry;
    if (actors === undefined) return;
    entry.intents ??= intentRunner<RunIntent>({
      clock,
      perform,
      onError(intent, error, failures) {
        log.warn({ run: entry.run, intent: intent.id, err: error, failures }, "intent failed");
        return { retryAfterMs: Math.min(MAX_APPEND_FAILURES_PAUSE_MS, 50 * 2 ** failures) };
      },
    });
    entry.intents.reconcile(runIntents(actors, intentWorld(entry)));
    entry.cancelDeadline();
    const waits =
      entry.waitingSince === undefined ? undefined : entry.waitingSince + options.credentialsWaitMs;
    const due = [nextDeadline(actors, intentWorld(entry)), waits].filter((at) => at !== undefined);
    if (due.length === 0 || isFinalRun(entry)) return;
    const delayMs = Math.max(1, Math.min(...due) - clock.now());
    entry.cancelDeadline = clock.setTimer(delayMs, () => wake(entry.run));
  }

  /** Writes the row that lists show, when it is behind. A cache: a lost write is made up for by the next. */
  async function project(entry: RunEntry): Promise<void> {
    const { view } = entry.fold;
    if (view.spec === undefined || projected.get(entry.run) === view.sequence) return;
    projected.set(entry.run, view.sequence);
    const value = encode(RunProjection, projectRun(view.spec, view));
    await bus
      .bucket(buckets.runs)
      .put(entry.run, value)
      .catch((error: unknown) =>
        log.warn({ run: entry.run, err: error }, "projection not written"),
      );
  }

  function countLive(): void {
    const count = [...runs.values()].filter(isLiveRun).length;
    if (count === liveRuns) return;
    liveRuns = count;
    options.onLiveRuns(count);
  }

  function wake(run?: string): void {
    post(async () => {
      for (const entry of run === undefined ? [...runs.values()] : [runs.get(run)]) {
        if (entry && !(run === undefined && isFinalRun(entry))) await turn(entry);
      }
    });
  }

  async function handle(message: LogMessage): Promise<void> {
    const run = message.subject.split(".")[3];
    if (run === undefined) return;
    const entry = runs.get(run) ?? runEntry(run);
    runs.set(run, entry);
    const freeBefore = liveCount(entry);
    const { resolutions, oddities } = foldMessage(entry, message);
    for (const oddity of oddities)
      log.warn({ run, sequence: message.sequence, oddity }, "set aside");
    if (isSettledHere(entry)) entry.pendingPlacements = [];
    for (const resolution of resolutions) {
      entry.history.push(resolution);
      await deliver(entry, resolution);
    }
    for (const waiter of [...waiters]) waiter();
    if (!caughtUp) return;
    await turn(entry);
    if (liveCount(entry) < freeBefore) {
      for (const other of runs.values()) {
        if (other !== entry && (other.actors?.inState("queued").size ?? 0) > 0) await turn(other);
      }
    }
  }

  const liveCount = (entry: RunEntry) =>
    LIVE_STATES.reduce((sum, state) => sum + (entry.actors?.inState(state).size ?? 0), 0);

  function claimedOn(runner: string) {
    return [...runs.values()].flatMap(({ run, actors, log: chains }) =>
      LIVE_STATES.flatMap((state) =>
        [...(actors?.inState(state) ?? [])].flatMap((instance) => {
          const context = actors?.instance(instance)?.context;
          if (context?.runner !== runner) return [];
          const { attempt } = context;
          const claimed = (chains.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
          return claimed ? [{ run, instance, attempt }] : [];
        }),
      ),
    );
  }

  async function watchFleet(): Promise<void> {
    for await (const change of bus.bucket(buckets.runners).watch(stopping.signal)) {
      if (!("value" in change)) continue;
      const { key, value } = change;
      const what = `The runner's entry ${key}`;
      try {
        if (key.endsWith(".about")) {
          const about = decode(RunnerAbout, value, what);
          await bus.commands.ensureQueues(about.runner);
          post(() => fleet.about(about.runner, about));
        } else {
          const liveness = decode(RunnerLiveness, value, what);
          post(() => fleet.heartbeat(key, liveness, claimedOn(key), clock.now()));
        }
        post(armFleetTimer);
        wake();
      } catch (error) {
        log.warn({ key, error: errorRecord(error) }, "runner entry refused");
      }
    }
  }

  function armFleetTimer(): void {
    cancelFleetTimer();
    const at = fleet.nextLapse(clock.now());
    if (at === undefined) return;
    cancelFleetTimer = clock.setTimer(at - clock.now() + 1, () => {
      wake();
      post(armFleetTimer);
    });
  }

  async function watchConnection(): Promise<void> {
    for await (const status of bus.status(stopping.signal)) {
      if (status !== "connected") continue;
      post(() => fleet.reconnected(clock.now()));
      post(armFleetTimer);
    }
  }

  const whenCaughtUp = Promise.withResolvers<void>();
  async function followLog(): Promise<void> {
    for await (const item of bus.events.follow([ALL_EVENTS], { signal: stopping.signal })) {
      if ("caughtUp" in item) {
        post(() => {
          caughtUp = true;
          whenCaughtUp.resolve();
        });
        wake();
      } else {
        post(() => handle(item));
      }
    }
  }

  const background = [followLog(), watchFleet(), watchConnection()].map((task) =>
    task.catch(fault),
  );
  const ended = Promise.race(background).then(() => {
    throw new PitayaError("bus_unavailable", "the log could not be followed");
  });
  await Promise.race([whenCaughtUp.promise, ended]);
  ended.catch(() => undefined);

  return {
    epoch,
    get liveRuns() {
      return Math.max(0, liveRuns);
    },
    entry: (run) => runs.get(run),
    curveKeyOf: fleet.curveKey,
    ask: (entry, entries) =>
      new Promise((done, failed) => {
        post(async () => {
          entry.asked.push({ entries, done, failed });
          await turn(entry);
        });
      }),
    until(condition, what, timeoutMs) {
      return new Promise((resolve, reject) => {
        const end = () => {
          waiters.delete(check);
          cancel();
        };
        const check = () => {
          if (!condition()) return;
          end();
          resolve();
        };
        const cancel = clock.setTimer(timeoutMs, () => {
          end();
          reject(new PitayaError("bus_unavailable", `${what} was not seen within ${timeoutMs} ms`));
        });
        waiters.add(check);
        check();
      });
    },
    wake,
    async stop() {
      stopping.abort();
      cancelFleetTimer();
      for (const entry of runs.values()) entry.cancelDeadline();
      await Promise.all(background);
      await box.close();
      for (const entry of runs.values()) await entry.intents?.stop();
    },
  };
}

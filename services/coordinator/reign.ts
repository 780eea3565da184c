import { type Clock, intentRunner, mailbox } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import {
  ALL_EVENTS,
  type DecisionMessage,
  isPitayaError,
  PitayaError,
  type ProcessId,
  subjects,
} from "@pitaya/protocol";
import type { LogMessage } from "@pitaya/views";
import type { Logger } from "pino";
import type { HeldLease } from "./adapters/lease.ts";
import { projectionWriter } from "./adapters/projection-writer.ts";
import type { SecretHolder } from "./adapters/secret-holder.ts";
import { liveAttempts, placeAll, placedAttempts } from "./demand.ts";
import type { RunActors } from "./domain/run-actors.ts";
import {
  type IntentWorld,
  nextDeadline,
  type RunIntent,
  runIntents,
} from "./domain/run-intents.ts";
import { decide } from "./domain/turn.ts";
import { fitting, turnMessage } from "./domain/turn-message.ts";
import { encodeDecision } from "./encode-decision.ts";
import { fleetWatch } from "./fleet-watch.ts";
import { performIntent } from "./perform-intent.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import { foldMessage, isFinalRun, isLiveRun, type RunEntry, runEntry } from "./run-entry.ts";
import { strategyRuns } from "./strategy-runs.ts";

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
  /** Publishes these entries as soon as the run has nothing in flight. Resolves when they are stored. */
  ask(entry: RunEntry, entries: DecisionMessage["entries"]): Promise<void>;
  /**
   * Stops every live run so that it can be resumed. Resolves with their ids when none is live.
   * @throws `bus_unavailable` after `timeoutMs`
   */
  interruptAll(by: string, reason: string, timeoutMs: number): Promise<readonly string[]>;
  /** Resolves when the condition holds after some event. @throws `bus_unavailable` after `timeoutMs` */
  until(condition: () => boolean, what: string, timeoutMs: number): Promise<void>;
  /** Something outside the log changed: look at this run, or at all, again. */
  wake(run?: string): void;
  stop(): Promise<void>;
}

/** Longest pause before a failed intent is tried again. */
const MAX_INTENT_PAUSE_MS = 1_000;

/** Folds the whole log, then decides. Resolves when everything stored before is folded. */
export async function reign(options: ReignOptions): Promise<Reign> {
  const { bus, clock, log } = options;
  const { epoch } = options.lease;
  const runs = new Map<string, RunEntry>();
  const stopping = new AbortController();
  const waiters = new Set<() => void>();
  const strategies = strategyRuns(bus, options.strategies);
  const project = projectionWriter(bus, log);
  const whenCaughtUp = Promise.withResolvers<void>();
  let caughtUp = false;
  let liveRuns = 0;

  const fault = (error: unknown) => {
    if (stopping.signal.aborted) return;
    log.error({ err: error }, "the coordinator cannot go on");
    whenCaughtUp.reject(error);
    options.onFault(error);
  };
  const box = mailbox<() => void | Promise<void>>((work) => work(), fault);

  const fleet = fleetWatch({
    bus,
    clock,
    log,
    leaseMs: options.runnerLeaseMs,
    claimedOn: (runner) =>
      [...placedAttempts(runs.values())].filter((a) => a.runner === runner && a.claimed),
    post: box.post,
    changed: () => wake(),
  });

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

  const holdsSecrets = ({ run, actors }: RunEntry): boolean =>
    options.secrets.holds(run, actors?.spec.agent.credentials ?? []);

  const intentWorld = (entry: RunEntry): IntentWorld => ({
    now: clock.now(),
    cancelGraceMs: options.cancelGraceMs,
    toldToStopAt: (instance, attempt) => entry.toldToStopAt.get(`${instance}.${attempt}`),
    isLost(runner, instance, attempt) {
      const claimed = (entry.log.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
      return fleet.state.isLost(
        runner,
        { run: entry.run, instance, attempt },
        claimed,
        clock.now(),
      );
    },
  });

  async function append(entry: RunEntry, entries: DecisionMessage["entries"]): Promise<void> {
    const run = entry.actors?.spec.run;
    if (run === undefined) return;
    const { coordinator } = options;
    const now = new Date(clock.now());
    const turn = turnMessage({ run, epoch, coordinator, now, chain: entry.log.decisions }, entries);
    const { id, expectedLast } = turn;
    const message = { id, expectedLast, payload: encodeDecision(turn.message) };
    const result = await bus.events.append(subjects.decision.of({ run }), message, stopping.signal);
    if (result.status === "conflict") {
      throw new PitayaError("stale_epoch", `another coordinator decides on ${run} now`);
    }
    entry.inFlight = result.sequence;
    entry.pendingPlacements = entries.flatMap((e) =>
      e.type === "attempt.placed" ? [e.runner] : [],
    );
  }

  const isReadBack = (entry: RunEntry) => entry.log.decisions.lastSequence >= entry.inFlight;

  /** A look at a run. What goes wrong in one run stays in it; a lost bus or lease ends the reign. */
  async function turn(entry: RunEntry): Promise<void> {
    try {
      await lookAt(entry);
    } catch (error) {
      if (isPitayaError(error)) throw error;
      log.error({ run: entry.run, err: error }, "a run could not be decided on; it stays as it is");
    }
  }

  /** Decides if there is something to decide, and keeps the outside in step. */
  async function lookAt(entry: RunEntry): Promise<void> {
    const { actors } = entry;
    if (!caughtUp || stopping.signal.aborted || actors === undefined || !isReadBack(entry)) return;
    const asked = entry.asked.shift();
    if (asked) {
      const owner = entry.log.decisions.epoch < epoch ? [{ type: "owner.changed" } as const] : [];
      await append(entry, [...owner, ...asked.entries]).then(asked.done, asked.failed);
      return;
    }
    await strategies.bring(entry);
    const entries = decide(actors, {
      epoch,
      now: clock.now(),
      random: options.random,
      credentialsHeld: holdsSecrets(entry),
      placements: placeAll(
        [...runs.values()],
        fleet.state.available(clock.now()),
        holdsSecrets,
      ).filter(({ run }) => run === entry.run),
      progress: strategies.progress(entry),
      claimTimeoutMs: options.claimTimeoutMs,
    });
    const due = entries.length > 0 ? fitting(entries) : waitedTooLong(entry);
    if (due.length > 0) await append(entry, [...due]);
    keepIntents(entry);
    await project(entry.run, entry.fold.view);
  }

  /** A run in which nothing moves for want of credentials is interrupted in the end. */
  function waitedTooLong(entry: RunEntry): DecisionMessage["entries"] {
    const { actors } = entry;
    const size = (state: Parameters<RunActors["inState"]>[0]) => actors?.inState(state).size ?? 0;
    const busy = size("queued") + size("backingOff") + liveAttempts(entry) > 0;
    if (size("waitingForCredentials") === 0 || busy || actors?.stopping) {
      entry.waitingSince = undefined;
      return [];
    }
    entry.waitingSince ??= clock.now();
    if (clock.now() < entry.waitingSince + options.credentialsWaitMs) return [];
    const reason = "nobody brought the credentials it waits for";
    return [{ type: "run.stopping", mode: "interrupt", by: options.coordinator, reason }];
  }

  function keepIntents(entry: RunEntry): void {
    const { actors, waitingSince } = entry;
    if (actors === undefined) return;
    entry.intents ??= intentRunner<RunIntent>({
      clock,
      perform,
      onError(intent, error, failures) {
        log.warn({ run: entry.run, intent: intent.id, err: error, failures }, "intent failed");
        return { retryAfterMs: Math.min(MAX_INTENT_PAUSE_MS, 50 * 2 ** failures) };
      },
    });
    entry.intents.reconcile(runIntents(actors, intentWorld(entry)));
    entry.cancelDeadline();
    if (isFinalRun(entry)) return;
    const waits = waitingSince === undefined ? undefined : waitingSince + options.credentialsWaitMs;
    const due = [nextDeadline(actors, intentWorld(entry)), waits].filter((at) => at !== undefined);
    if (due.length === 0) return;
    const delayMs = Math.max(1, Math.min(...due) - clock.now());
    entry.cancelDeadline = clock.setTimer(delayMs, () => wake(entry.run));
  }

  function countLive(): void {
    const count = [...runs.values()].filter(isLiveRun).length;
    if (count === liveRuns) return;
    liveRuns = count;
    options.onLiveRuns(count);
  }

  function wake(run?: string): void {
    box.post(async () => {
      const entries = run === undefined ? [...runs.values()] : [runs.get(run)];
      for (const entry of entries) {
        if (entry && (run !== undefined || !isFinalRun(entry))) await turn(entry);
      }
    });
  }

  async function handle(message: LogMessage): Promise<void> {
    const run = message.subject.split(".")[3];
    if (run === undefined) return;
    const entry = runs.get(run) ?? runEntry(run);
    runs.set(run, entry);
    const liveBefore = liveAttempts(entry);
    const { resolutions, oddities } = foldMessage(entry, message);
    for (const oddity of oddities)
      log.warn({ run, sequence: message.sequence, oddity }, "set aside");
    if (isReadBack(entry)) entry.pendingPlacements = [];
    for (const resolution of resolutions) await strategies.resolve(entry, resolution);
    if (caughtUp) countLive();
    for (const waiter of [...waiters]) waiter();
    if (!caughtUp) return;
    await turn(entry);
    if (liveAttempts(entry) >= liveBefore) return;
    // A slot came free: it may be another run's turn.
    for (const other of runs.values()) {
      if (other !== entry && (other.actors?.inState("queued").size ?? 0) > 0) await turn(other);
    }
  }

  async function followLog(): Promise<void> {
    for await (const item of bus.events.follow([ALL_EVENTS], { signal: stopping.signal })) {
      if (!("caughtUp" in item)) {
        box.post(() => handle(item));
        continue;
      }
      box.post(() => {
        caughtUp = true;
        countLive();
        whenCaughtUp.resolve();
      });
      wake();
    }
  }

  const background = [followLog(), fleet.run(stopping.signal)].map((task) =>
    task.then(
      () => fault(new PitayaError("bus_unavailable", "the log or the fleet could not be followed")),
      fault,
    ),
  );
  await whenCaughtUp.promise;

  const ask: Reign["ask"] = (entry, entries) =>
    new Promise((done, failed) => {
      box.post(async () => {
        entry.asked.push({ entries, done, failed });
        await turn(entry);
      });
    });

  const until: Reign["until"] = (condition, what, timeoutMs) =>
    new Promise((resolve, reject) => {
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

  return {
    epoch,
    ask,
    until,
    async interruptAll(by, reason, timeoutMs) {
      const live = [...runs.values()].filter(isLiveRun);
      for (const entry of live) {
        if (entry.actors?.phase === "finalizing" || entry.actors?.stopping) continue;
        await ask(entry, [{ type: "run.stopping", mode: "interrupt", by, reason }]);
      }
      await until(() => !live.some(isLiveRun), "the end of all live runs", timeoutMs);
      return live.map(({ run }) => run);
    },
    get liveRuns() {
      return liveRuns;
    },
    entry: (run) => runs.get(run),
    curveKeyOf: fleet.state.curveKey,
    wake,
    async stop() {
      stopping.abort();
      for (const entry of runs.values()) entry.cancelDeadline();
      await Promise.all(background);
      await box.close();
      for (const entry of runs.values()) await entry.intents?.stop();
    },
  };
}

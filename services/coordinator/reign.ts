import { type Clock, intentRunner, type Mailbox } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import {
  credentialsOf,
  type DecisionMessage,
  type ErrorCode,
  isPitayaError,
  PitayaError,
  type ProcessId,
  subjects,
} from "@pitaya/protocol";
import type { Logger } from "pino";
import type { HeldLease } from "./adapters/lease.ts";
import { projectionWriter } from "./adapters/projection-writer.ts";
import type { SecretHolder } from "./adapters/secret-holder.ts";
import { liveAttempts, placeAll, placedAttempts } from "./demand.ts";
import { isTimely } from "./domain/asked.rules.ts";
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
import { type FoldedRun, isFinalRun, isLiveRun, type Taken } from "./fold/folded-run.ts";
import type { LogFold } from "./fold/log-fold.ts";
import { performIntent } from "./perform-intent.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import { type Asked, type RunEntry, runEntry } from "./run-entry.ts";
import { strategyRuns } from "./strategy-runs.ts";

export interface ReignOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 ≤ x < 1 */
  random(): number;
  readonly coordinator: ProcessId;
  readonly lease: HeldLease;
  readonly fold: LogFold;
  /** Whatever changes state does so in turn. */
  readonly box: Mailbox<() => void | Promise<void>>;
  readonly secrets: SecretHolder;
  readonly strategies: StrategyCode;
  readonly runnerLeaseMs: number;
  readonly coordinatorLeaseMs: number;
  readonly claimTimeoutMs: number;
  /** From the order to stop until the attempt is sealed all the same. */
  readonly cancelGraceMs: number;
  /** A run that does nothing but wait for credentials is interrupted after this. */
  readonly credentialsWaitMs: number;
  /** Whether what runners say cannot be stored; none is called lost for its silence then. */
  isStoreFull(): boolean;
  /** Told when the number of live runs changes. */
  onLiveRuns(count: number): void;
  /** Told of what ends the reign: an error that is not of this run or that. */
  onFault(error: unknown): void;
}

/** One coordinator's time of deciding, from winning the lease to losing it or stopping. */
export interface Reign {
  readonly epoch: number;
  /** Resolves when everything stored before is folded, and it decides. */
  readonly ready: Promise<void>;
  readonly liveRuns: number;
  /** A run, also one that ended long ago. */
  find(run: string): Promise<RunEntry | undefined>;
  /** Whether the run's submission is folded. */
  has(run: string): boolean;
  /** A message of the run was folded. */
  folded(run: FoldedRun, taken: Taken): Promise<void>;
  /** The run is no longer held by the fold. */
  dropped(run: string): void;
  /** A runner's public key, as it announced it. */
  curveKeyOf(runner: string): string | undefined;
  /** The bus has answered a renewal of the lease. */
  renewed(): void;
  /**
   * Publishes these entries as soon as the run has nothing in flight. Resolves when they are stored;
   * with false where the run has moved on meanwhile, so that they mean nothing: nothing is stored.
   */
  ask(entry: RunEntry, entries: DecisionMessage["entries"]): Promise<boolean>;
  /**
   * Stops every live run so that it can be resumed. Resolves with their ids when none is live.
   * @throws `bus_unavailable` after `timeoutMs`
   */
  interruptAll(by: string, reason: string, timeoutMs: number): Promise<readonly string[]>;
  /** Resolves when the condition holds after some event. @throws `bus_unavailable` after `timeoutMs` */
  until(condition: () => boolean, what: string, timeoutMs: number): Promise<void>;
  /** Resolves when the code of the run's executions stands where its log leads. */
  replayed(entry: RunEntry): Promise<void>;
  /** Something outside the log changed: look at this run, or at all, again. */
  wake(run?: string): void;
  stop(): Promise<void>;
}

/** What goes wrong with every run; anything else is of the one run, or passes, such as a full store. */
const ENDS_REIGN: readonly ErrorCode[] = ["bus_unavailable", "stale_epoch", "permission_denied"];

/** Until a run that could not be decided on is looked at again. */
const AGAIN_MS = 1_000;

/** Longest pause before a failed intent is tried again. */
const MAX_INTENT_PAUSE_MS = 1_000;

/** Catches up with the log, then decides. */
export function reign(options: ReignOptions): Reign {
  const { bus, clock, log, fold, box } = options;
  const { epoch } = options.lease;
  const entries = new Map<string, RunEntry>();
  const stopping = new AbortController();
  const waiters = new Set<() => void>();
  /** Runs to be looked at, in the order in which they changed. */
  const changed = new Set<RunEntry>();
  const strategies = strategyRuns(bus, options.strategies);
  const projections = projectionWriter(bus, clock, log);
  let deciding = false;
  let liveRuns = 0;

  const fault = (error: unknown) => {
    if (stopping.signal.aborted) return;
    log.error({ err: error }, "the coordinator cannot go on");
    options.onFault(error);
  };
  /** In turn, and only while this reign lasts. */
  const post = (work: () => void | Promise<void>) =>
    box.post(async () => {
      if (stopping.signal.aborted) return;
      try {
        await work();
      } catch (error) {
        fault(error);
      }
    });

  function entryOf(folded: FoldedRun): RunEntry {
    const known = entries.get(folded.run);
    if (known) return known;
    const fresh = runEntry(folded);
    entries.set(folded.run, fresh);
    return fresh;
  }

  const fleet = fleetWatch({
    bus,
    clock,
    log,
    leaseMs: options.runnerLeaseMs,
    silenceMs: options.coordinatorLeaseMs / 2,
    claimedOn: (runner) =>
      [...placedAttempts(entries.values())].filter((a) => a.runner === runner && a.claimed),
    post,
    changed: () => wake(),
  });

  const perform = performIntent({
    bus,
    clock,
    coordinator: options.coordinator,
    epoch,
    toldToStop(run, instance, attempt) {
      const entry = entries.get(run);
      const name = `${instance}.${attempt}`;
      if (entry?.toldToStopAt.has(name)) return;
      entry?.toldToStopAt.set(name, clock.now());
      wake(run);
    },
  });

  const holdsSecrets = ({ run, actors }: RunEntry): boolean =>
    options.secrets.holds(run, actors ? credentialsOf(actors.spec) : []);

  const intentWorld = (entry: RunEntry): IntentWorld => ({
    now: clock.now(),
    cancelGraceMs: options.cancelGraceMs,
    toldToStopAt: (instance, attempt) => entry.toldToStopAt.get(`${instance}.${attempt}`),
    isLost(runner, instance, attempt) {
      if (options.isStoreFull()) return false;
      const claimed = (entry.log.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
      return fleet.state.isLost(
        runner,
        { run: entry.run, instance, attempt },
        claimed,
        clock.now(),
      );
    },
  });

  /** @returns whether it was stored; if not, somebody else's decision is on its way here */
  async function append(entry: RunEntry, due: DecisionMessage["entries"]): Promise<boolean> {
    const run = entry.actors?.spec.run;
    if (run === undefined) return false;
    const { coordinator } = options;
    const now = new Date(clock.now());
    const turn = turnMessage({ run, epoch, coordinator, now, chain: entry.log.decisions }, due);
    const { id, expectedLast } = turn;
    const message = { id, expectedLast, payload: encodeDecision(turn.message) };
    const result = await bus.events.append(subjects.decision.of({ run }), message, stopping.signal);
    if (result.status === "conflict") {
      void afterConflict(entry);
      return false;
    }
    entry.inFlight = result.sequence;
    entry.pendingPlacements = due.flatMap((e) => (e.type === "attempt.placed" ? [e.runner] : []));
    return true;
  }

  /**
   * A coordinator whose reign is over may have decided once more before it knew: its decision is
   * folded, and the run is looked at again. One of a later reign ends this one.
   */
  async function afterConflict(entry: RunEntry): Promise<void> {
    const before = entry.log.decisions.lastSequence;
    entry.inFlight = Number.POSITIVE_INFINITY;
    try {
      await fold.catchUp(stopping.signal);
    } catch (error) {
      fault(error);
    }
    post(() => {
      entry.inFlight = 0;
      const { lastSequence, epoch: decider } = entry.log.decisions;
      if (decider > epoch || lastSequence === before) {
        throw new PitayaError("stale_epoch", `another coordinator decides on ${entry.run} now`);
      }
    });
    wake(entry.run);
  }

  const isReadBack = (entry: RunEntry) => entry.log.decisions.lastSequence >= entry.inFlight;

  /** A look at a run. What goes wrong in one run stays in it; a lost bus or lease ends the reign. */
  async function turn(entry: RunEntry): Promise<void> {
    try {
      await lookAt(entry);
    } catch (error) {
      if (isPitayaError(error) && ENDS_REIGN.includes(error.code)) throw error;
      log.error(
        { run: entry.run, err: error },
        "a run cannot be decided on now; it is tried again",
      );
      entry.cancelDeadline();
      entry.cancelDeadline = clock.setTimer(AGAIN_MS, () => wake(entry.run));
    }
  }

  /** Decides if there is something to decide, and keeps the outside in step. */
  async function lookAt(entry: RunEntry): Promise<void> {
    const { actors } = entry;
    if (!deciding || stopping.signal.aborted || actors === undefined || !isReadBack(entry)) return;
    if (entry.log.decisions.epoch > epoch) {
      // Read before the loss of the lease was noticed. The server would take a decision chained on it.
      throw new PitayaError("stale_epoch", `another coordinator decides on ${entry.run} now`);
    }
    const [asked] = entry.asked;
    if (asked) return answerAsked(entry, actors, asked);
    await strategies.bring(entry);
    const decided = decide(actors, {
      epoch,
      now: clock.now(),
      random: options.random,
      credentialsHeld: holdsSecrets(entry),
      placements: placeAll(
        [...entries.values()],
        fleet.state.available(clock.now()),
        holdsSecrets,
      ).filter(({ run }) => run === entry.run),
      progress: await strategies.progress(entry),
      claimTimeoutMs: options.claimTimeoutMs,
    });
    const due = decided.length > 0 ? fitting(decided) : waitedTooLong(entry);
    if (due.length > 0) await append(entry, [...due]);
    if (isOwned(entry)) keepIntents(entry);
    projections.changed(entry.run, entry.fold.view);
  }

  async function answerAsked(entry: RunEntry, actors: RunActors, asked: Asked): Promise<void> {
    if (!asked.entries.every((each) => isTimely(each, actors))) {
      entry.asked.shift();
      asked.done(false);
      return turn(entry);
    }
    const owner = isOwned(entry) ? [] : [{ type: "owner.changed" } as const];
    try {
      // Not stored, it is published again once the decision in the way is folded.
      if (!(await append(entry, [...owner, ...asked.entries]))) return;
      entry.asked.shift();
      asked.done(true);
    } catch (error) {
      entry.asked.shift();
      asked.failed(error);
    }
  }

  /** Nothing is ordered before the change of owner is read back: the reign before may not be over. */
  const isOwned = ({ log: { decisions } }: RunEntry): boolean => decisions.epoch === epoch;

  /** A run in which nothing moves for want of credentials is interrupted in the end. */
  function waitedTooLong(entry: RunEntry): DecisionMessage["entries"] {
    const { actors } = entry;
    const size = (state: Parameters<RunActors["inState"]>[0]) => actors?.inState(state).size ?? 0;
    const busy = size("queued") + size("backingOff") + liveAttempts(entry) > 0;
    if (size("waitingForCredentials") === 0 || busy || actors?.stopping) {
      entry.waitingSince = undefined;
      return [];
    }
    entry.waitingSince = entry.fold.view.movedAt;
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
    let count = 0;
    for (const run of fold.runs.values()) if (isLiveRun(run)) count += 1;
    if (count === liveRuns) return;
    liveRuns = count;
    options.onLiveRuns(count);
  }

  function wake(run?: string): void {
    post(async () => {
      const woken = run === undefined ? [...entries.values()] : [entries.get(run)];
      for (const entry of woken) {
        if (entry && (run !== undefined || !isFinalRun(entry))) await turn(entry);
      }
    });
  }

  async function folded(run: FoldedRun, { resolutions }: Taken): Promise<void> {
    if (!deciding || stopping.signal.aborted) return;
    const entry = entryOf(run);
    if (isReadBack(entry)) entry.pendingPlacements = [];
    for (const resolution of resolutions) await strategies.resolve(entry, resolution);
    if (isFinalRun(entry)) strategies.giveUp(entry);
    countLive();
    for (const waiter of [...waiters]) waiter();
    const liveBefore = entry.liveAttempts;
    entry.liveAttempts = liveAttempts(entry);
    lookSoon(entry);
    if (entry.liveAttempts >= liveBefore) return;
    // A slot came free: it may be another run's turn.
    for (const other of entries.values()) {
      if ((other.actors?.inState("queued").size ?? 0) > 0) lookSoon(other);
    }
  }

  /** Looks at a run once what has arrived by now is folded: many messages, one turn. */
  function lookSoon(entry: RunEntry): void {
    changed.add(entry);
    if (changed.size > 1) return;
    post(async () => {
      const due = [...changed];
      changed.clear();
      for (const each of due) await turn(each);
    });
  }

  async function begin(): Promise<void> {
    await fold.catchUp(stopping.signal);
    await new Promise<void>((begun) =>
      post(() => {
        for (const run of fold.runs.values()) {
          const entry = entryOf(run);
          // Whoever ended it may not have lived to write its row.
          if (isFinalRun(entry)) projections.changed(entry.run, entry.fold.view);
        }
        deciding = true;
        countLive();
        begun();
      }),
    );
    wake();
  }
  const ready = begin();
  ready.catch(fault);
  const watching = fleet
    .run(stopping.signal)
    .then(
      () => fault(new PitayaError("bus_unavailable", "the fleet could not be followed")),
      fault,
    );

  const ask: Reign["ask"] = (entry, wanted) =>
    new Promise((done, failed) => {
      const gone = new PitayaError("no_coordinator", "this coordinator no longer decides");
      stopping.signal.addEventListener("abort", () => failed(gone), { once: true });
      post(async () => {
        entry.asked.push({ entries: wanted, done, failed });
        await turn(entry);
      });
    });

  const replayed: Reign["replayed"] = (entry) =>
    new Promise((done, failed) => {
      box.post(() => strategies.bring(entry).then(done, failed));
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
    ready,
    ask,
    until,
    replayed,
    async interruptAll(by, reason, timeoutMs) {
      const live = [...entries.values()].filter(isLiveRun);
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
    folded,
    dropped(run) {
      const entry = entries.get(run);
      void entry?.intents?.stop();
      if (entry) strategies.giveUp(entry);
      entries.delete(run);
    },
    has: (run) => fold.runs.get(run)?.actors !== undefined,
    async find(run) {
      const found = await fold.find(run);
      return found && entryOf(found);
    },
    curveKeyOf: fleet.state.curveKey,
    renewed: () => fleet.answered(),
    wake,
    async stop() {
      stopping.abort();
      for (const entry of entries.values()) entry.cancelDeadline();
      await watching;
      await new Promise<void>((done) => box.post(done));
      for (const entry of entries.values()) {
        await entry.intents?.stop();
        strategies.giveUp(entry);
      }
      await projections.close();
    },
  };
}

import type { Clock, Mailbox } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import { credentialsOf, PitayaError, type ProcessId } from "@pitaya/protocol";
import type { Logger } from "pino";
import type { HeldLease } from "./adapters/lease.ts";
import { projectionWriter } from "./adapters/projection-writer.ts";
import type { SecretHolder } from "./adapters/secret-holder.ts";
import { askedDecisions } from "./asked-decisions.ts";
import { waitedTooLong } from "./credentials-wait.rules.ts";
import { decidedByAnother, decisionWriter, isReadBack } from "./decision-writer.ts";
import { claimedAttempts, liveAttempts, placeAll } from "./demand.ts";
import { decide } from "./domain/turn.ts";
import { fitting } from "./domain/turn-message.ts";
import { fleetWatch } from "./fleet-watch.ts";
import { type FoldedRun, isFinalRun, isLiveRun, type Taken } from "./fold/folded-run.ts";
import type { LogFold } from "./fold/log-fold.ts";
import { foldWaiters } from "./fold-waiters.ts";
import { looks } from "./looks.ts";
import { outside } from "./outside.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import type { Reign } from "./reign.port.ts";
import { type RunEntry, runEntry } from "./run-entry.ts";
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

/** Catches up with the log, then decides. */
export function reign(options: ReignOptions): Reign {
  const { bus, clock, log, fold, box } = options;
  const { epoch } = options.lease;
  const entries = new Map<string, RunEntry>();
  const stopping = new AbortController();
  const waiters = foldWaiters(clock);
  const strategies = strategyRuns(bus, options.strategies, (entry) => look.soon(entry));
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

  const look = looks({ clock, log, entries, post, lookAt });
  const { wake } = look;

  const fleet = fleetWatch({
    bus,
    clock,
    log,
    leaseMs: options.runnerLeaseMs,
    silenceMs: options.coordinatorLeaseMs / 2,
    claimedOn: (runner) => claimedAttempts(entries, runner),
    post,
    changed: wake,
  });

  const holdsSecrets = ({ run, actors }: RunEntry): boolean =>
    options.secrets.holds(run, actors ? credentialsOf(actors.spec) : []);

  const { append } = decisionWriter({
    ...{ bus, clock, coordinator: options.coordinator, epoch, post, fault, wake },
    signal: stopping.signal,
    catchUp: fold.catchUp,
  });
  const asked = askedDecisions({ append, post, look: look.now });
  const keepOutside = outside({
    ...options,
    ...{ epoch, wake, fleet: fleet.state, entryOf: (run) => entries.get(run) },
  });

  /** Decides if there is something to decide, and keeps the outside in step. */
  async function lookAt(entry: RunEntry): Promise<void> {
    const { actors } = entry;
    if (!deciding || stopping.signal.aborted || actors === undefined || !isReadBack(entry)) return;
    if (entry.log.decisions.epoch > epoch) {
      // Read before the loss of the lease was noticed. The server would take a decision chained on it.
      throw decidedByAnother(entry.run);
    }
    if (await asked.answerFirst(entry, isOwned(entry))) return;
    strategies.bring(entry);
    const decided = decide(actors, {
      epoch,
      now: clock.now(),
      random: options.random,
      credentialsHeld: holdsSecrets(entry),
      placements: placeAll(
        [...entries.values()],
        fleet.state.available(clock.now()),
        (each) => holdsSecrets(each) && !strategies.isReplaying(each),
      ).filter(({ run }) => run === entry.run),
      progress: await strategies.progress(entry),
      claimTimeoutMs: options.claimTimeoutMs,
    });
    const { credentialsWaitMs: waitMs, coordinator: by } = options;
    const due =
      decided.length > 0
        ? fitting(decided)
        : waitedTooLong(entry, { now: clock.now(), waitMs, by });
    if (due.length > 0) await append(entry, [...due]);
    if (isOwned(entry)) keepOutside(entry);
    projections.changed(entry.run, entry.fold.view);
  }

  /** Nothing is ordered before the change of owner is read back: the reign before may not be over. */
  const isOwned = ({ log: { decisions } }: RunEntry): boolean => decisions.epoch === epoch;

  function countLive(): void {
    let count = 0;
    for (const run of fold.runs.values()) if (isLiveRun(run)) count += 1;
    if (count === liveRuns) return;
    liveRuns = count;
    options.onLiveRuns(count);
  }

  function folded(run: FoldedRun, { resolutions }: Taken): void {
    if (!deciding || stopping.signal.aborted) return;
    const entry = entryOf(run);
    if (isReadBack(entry)) entry.pendingPlacements = [];
    for (const resolution of resolutions) strategies.resolve(entry, resolution);
    if (!isLiveRun(entry)) strategies.giveUp(entry);
    countLive();
    waiters.check();
    const liveBefore = entry.liveAttempts;
    entry.liveAttempts = liveAttempts(entry);
    look.soon(entry);
    if (entry.liveAttempts >= liveBefore) return;
    // A slot came free: it may be another run's turn.
    for (const other of entries.values()) {
      if ((other.actors?.inState("queued").size ?? 0) > 0) look.soon(other);
    }
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

  return {
    epoch,
    ready,
    ask: asked.ask,
    until: waiters.until,
    checkReplay: strategies.checkReplay,
    async interruptAll(by, reason, timeoutMs) {
      const live = [...entries.values()].filter(isLiveRun);
      for (const entry of live) {
        if (entry.actors?.phase === "finalizing" || entry.actors?.stopping) continue;
        await asked.ask(entry, [{ type: "run.stopping", mode: "interrupt", by, reason }]);
      }
      await waiters.until(() => !live.some(isLiveRun), "the end of all live runs", timeoutMs);
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
      asked.close();
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

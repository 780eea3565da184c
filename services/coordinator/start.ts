import { type Clock, type Mailbox, mailbox, systemClock } from "@pitaya/actors";
import { answer, type Bus, type Sealer } from "@pitaya/bus";
import { PitayaError, ProcessId, type RunSpec, subjects } from "@pitaya/protocol";
import type { Logger } from "pino";
import { announce } from "./adapters/announcement.ts";
import { checkpointKeeper, checkpointStore } from "./adapters/checkpoint-store.ts";
import { holdLease } from "./adapters/lease.ts";
import { secretHolder } from "./adapters/secret-holder.ts";
import { serveApi } from "./api-server.ts";
import { isFinalRun } from "./fold/folded-run.ts";
import { type LogFold, logFold } from "./fold/log-fold.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import type { Reign } from "./reign.port.ts";
import { reign } from "./reign.ts";
import { standbySecrets } from "./standby-secrets.ts";

export interface CoordinatorOptions {
  readonly bus: Bus;
  /** Its name, unique among coordinators; the one of its credential. */
  readonly id: string;
  readonly version: string;
  readonly log: Logger;
  readonly strategies: StrategyCode;
  /** Refuses a run that could never work. @throws `usage` */
  check(spec: RunSpec): void;
  /** The coordinator before is known to be dead; see `holdLease`. */
  readonly takeOver?: boolean;
  readonly clock?: Clock;
  /** Its own, new at each start; made if none are given. */
  readonly keys?: Sealer;
  /** 0 ≤ x < 1 */
  readonly random?: () => number;
  readonly leaseMs?: number;
  readonly runnerLeaseMs?: number;
  readonly claimTimeoutMs?: number;
  readonly cancelGraceMs?: number;
  readonly credentialsWaitMs?: number;
  /** Known where the server's disk is at hand; see `ReignOptions`. */
  readonly isStoreFull?: () => boolean;
  /** Events between two checkpoints. 20,000. */
  readonly checkpointEvery?: number;
  readonly onLiveRuns?: (count: number) => void;
}

export interface Coordinator {
  /** Runs that are submitted, executing or finalizing, while this one decides. */
  readonly liveRuns: number;
  /**
   * Stops every live run so that it can be resumed. Resolves with their ids when nothing of them
   * runs any more.
   * @throws `no_coordinator` while another decides
   */
  interruptAll(reason: string): Promise<readonly string[]>;
  /** Resolves when it decides for the first time. */
  readonly deciding: Promise<void>;
  /**
   * Resolves when another process has taken its name and place, and this one does nothing any more:
   * its program must end.
   */
  readonly superseded: Promise<void>;
  stop(): Promise<void>;
}

/** More than a runner itself allows for TERM, KILL and harvest, so that its own word comes first. */
const CANCEL_GRACE_MS = 90_000;

/** Read again in well under a second. */
const CHECKPOINT_EVERY = 20_000;

type Box = Mailbox<() => void | Promise<void>>;

const aborted = (signal: AbortSignal) =>
  new Promise<void>((done) => {
    if (signal.aborted) return done();
    signal.addEventListener("abort", () => done(), { once: true });
  });

/** From the last attempt's end to the run's own. */
const SETTLE_MS = 10_000;

/** Announces itself, waits for the lease, decides until it loses it, and waits again. */
export function start(options: CoordinatorOptions): Coordinator {
  const { bus, log } = options;
  const clock = options.clock ?? systemClock;
  const id = ProcessId.parse(options.id);
  const leaseMs = options.leaseMs ?? 5_000;
  const stopping = new AbortController();
  const secrets = secretHolder(options.keys);
  const deciding = Promise.withResolvers<void>();
  let current: Reign | undefined;
  let hasDecided = false;
  let hasHeld = false;

  const stopKeys = answer(
    bus,
    "keys",
    [subjects.apiKeys.of({ coordinator: id })],
    { epoch: () => current?.epoch ?? 0 },
    async () => ({ curveKey: secrets.publicKey }),
  );

  const announced = announce({
    ...{ bus, clock, log },
    entry: { v: 1, coordinator: id, curveKey: secrets.publicKey, version: options.version },
  });
  const superseded = Promise.withResolvers<void>();
  announced.superseded.addEventListener("abort", () => {
    log.error({ id }, "another process of this coordinator's name has taken its place");
    stopping.abort();
    void life.then(stopKeys).then(superseded.resolve, superseded.reject);
  });

  const standby = standbySecrets({ bus, clock, log, coordinator: id, secrets });

  async function reignOnce(fold: LogFold, box: Box, signal: AbortSignal): Promise<void> {
    const lease = await holdLease({
      bus,
      coordinator: id,
      clock,
      leaseMs,
      // Of the one before this start; later ones are waited for like any other.
      takeOver: !hasDecided && (options.takeOver ?? false),
      hasHeld,
      signal,
      onRenewed: () => current?.renewed(),
    });
    hasHeld = true;
    const over = new AbortController();
    const end = () => over.abort();
    const ending = AbortSignal.any([lease.lost, signal, over.signal]);
    log.info({ epoch: lease.epoch }, "decides");
    const now = reign({
      bus,
      clock,
      log,
      lease,
      fold,
      box,
      secrets,
      coordinator: id,
      random: options.random ?? Math.random,
      strategies: options.strategies,
      runnerLeaseMs: options.runnerLeaseMs ?? 5_000,
      coordinatorLeaseMs: leaseMs,
      claimTimeoutMs: options.claimTimeoutMs ?? 60_000,
      cancelGraceMs: options.cancelGraceMs ?? CANCEL_GRACE_MS,
      credentialsWaitMs: options.credentialsWaitMs ?? 600_000,
      isStoreFull: options.isStoreFull ?? (() => false),
      onLiveRuns: options.onLiveRuns ?? (() => undefined),
      onFault: end,
    });
    current = now;
    standby.rest();
    let stopApi = async () => {};
    try {
      await Promise.race([now.ready, aborted(ending)]);
      if (!ending.aborted) {
        const at = () => new Date(clock.now());
        const { check } = options;
        stopApi = serveApi({
          ...{ bus, clock, log, secrets, check },
          reign: now,
          coordinator: id,
          now: at,
        });
        hasDecided = true;
        deciding.resolve();
        await aborted(ending);
      }
    } finally {
      current = undefined;
      for (const run of fold.runs.values()) standby.look(run);
      await stopApi();
      await now.stop();
      await lease.release();
      log.info({ epoch: lease.epoch }, "no longer decides");
    }
  }

  /** Folds the log from the last checkpoint on, and decides whenever it holds the lease. */
  async function serve(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([stopping.signal, over.signal]);
    let trouble: unknown;
    const fail = (error: unknown) => {
      trouble ??= error;
      over.abort();
    };
    const box: Box = mailbox((work) => work(), fail);
    const checkpoints = checkpointStore(bus, log);
    const begin = await checkpoints.load();
    const keeper = checkpointKeeper(
      checkpoints,
      log,
      options.checkpointEvery ?? CHECKPOINT_EVERY,
      begin?.position ?? 0,
    );
    const fold = logFold({
      bus,
      log,
      box,
      ...(begin && { begin }),
      async onFolded(run, taken) {
        if (isFinalRun(run)) secrets.forget(run.run);
        if (!current) return standby.look(run);
        current.folded(run, taken);
        keeper.due(fold);
      },
      onDropped: (run) => current?.dropped(run),
    });
    for (const run of fold.runs.values()) standby.look(run);
    const following = fold.run(signal).then(over.abort.bind(over), fail);
    try {
      while (!signal.aborted) await reignOnce(fold, box, signal);
    } finally {
      if (hasDecided && trouble === undefined) await keeper.last(fold);
      over.abort();
      standby.rest();
      await following;
      await box.close();
    }
    if (trouble !== undefined) throw trouble;
  }

  const life = (async () => {
    await announced.tried;
    while (!stopping.signal.aborted) {
      try {
        await serve();
      } catch (error) {
        if (stopping.signal.aborted) break;
        log.error({ err: error }, "it begins anew");
        await new Promise<void>((done) => clock.setTimer(1_000, done));
      }
    }
    deciding.reject(new PitayaError("no_coordinator", "stopped before it decided"));
  })();
  deciding.promise.catch(() => undefined);

  return {
    get liveRuns() {
      return current?.liveRuns ?? 0;
    },
    deciding: deciding.promise,
    superseded: superseded.promise,
    async interruptAll(reason) {
      if (!current) throw new PitayaError("no_coordinator", "another coordinator decides");
      const allowedMs = (options.cancelGraceMs ?? CANCEL_GRACE_MS) + SETTLE_MS;
      return current.interruptAll(id, reason, allowedMs);
    },
    async stop() {
      stopping.abort();
      await life;
      await stopKeys();
      await announced.withdraw();
    },
  };
}

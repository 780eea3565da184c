import type { Clock } from "@pitaya/actors";
import type { Bus, Sealer } from "@pitaya/bus";
import type { AgentPlugin } from "@pitaya/plugins";
import { buckets, DEFAULT_LIMITS, ProcessId } from "@pitaya/protocol";
import type { Redactor } from "@pitaya/redaction";
import type { Logger } from "pino";
import { readStanding } from "../adapters/fact-chain.ts";
import { aboutKey } from "../adapters/runner-about.ts";
import { atMost } from "../adapters/waiting.ts";
import type { AttemptLimits } from "../domain/attempt.ts";
import { lossOf } from "../domain/standing.rules.ts";
import type { Gateway } from "../gateway/gateway.ts";
import type { HostEndpoints } from "../phases/attempt-scope.ts";
import type { RunnerDisk } from "../ports/disk.port.ts";
import type { AttemptName, Executor } from "../ports/executor.port.ts";
import type { WorkGit } from "../ports/work-git.port.ts";
import { type Attempts, attempts as openAttempts } from "./attempts.ts";
import { cleaner } from "./cleaner.ts";
import { earlyStops, takeControl } from "./controls.ts";
import type { Liveness, LivenessOptions } from "./liveness.ts";
import { pullControls, pullStarts } from "./loops.ts";
import { pauseAll } from "./pause-all.ts";
import { periodically } from "./periodic.ts";
import { reaper } from "./reaper.ts";
import { defaultSlots, slots as openSlots } from "./slots.ts";
import { takeStart } from "./starts.ts";
import { takeUpAll } from "./taking-up.ts";
import { watchDisk, watchPauses, watchSeals } from "./watches.ts";

/** What a runner-agent is made of. */
export interface RunnerParts {
  readonly bus: Bus;
  readonly executor: Executor;
  readonly gateway: Gateway;
  /** Attempts in hand, packs, the highest epoch: kept over restarts. */
  readonly disk: RunnerDisk;
  readonly git: WorkGit;
  readonly clock: Clock;
  readonly log: Logger;
  /** New at each start: 8 hex digits. */
  readonly incarnation: string;
  /** New at each start, too: what was sealed to an earlier one is nobody's. */
  readonly sealer: Sealer;
  findPlugin(name: string): AgentPlugin | undefined;
  redactorOf(secrets: readonly string[], patterns?: readonly string[]): Redactor;
  /** Addresses and names by which a container may mean this host. */
  ownHosts(): ReadonlySet<string>;
  /** Who tells the fleet that this runner-agent lives. */
  liveness(options: LivenessOptions): Liveness;
}

export interface RunnerSettings {
  readonly runner: string;
  readonly version: string;
  readonly pool: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Attempts at a time; by default what the host holds. */
  readonly slots?: number;
  readonly leaseMs: number;
  readonly hostEndpoints: HostEndpoints;
  /** As `RunnerScope` has it; by default none. */
  readonly outerProxies?: Readonly<Record<string, string>>;
  readonly limits: Omit<
    AttemptLimits,
    "startTimeoutMs" | "stallTimeoutMs" | "timeoutMs" | "diskBytes"
  >;
  /** How long `stop("kill")` waits for agents to end and their work to be stored. */
  readonly stopPatienceMs: number;
}

export interface Runner {
  readonly incarnation: string;
  /** It offers at least so many slots from now on; 0 takes that back. */
  setLeastSlots(count: number): void;
  /** Resolves when a later incarnation of this runner has taken over; this one has let go then. */
  readonly superseded: Promise<void>;
  /**
   * `leave`: lets go of everything; containers go on and are adopted at the next start. `kill`: agents
   * are interrupted, their work is stored as far as time allows, and nothing of this runner is left.
   */
  stop(mode: StopMode): Promise<void>;
}

export type StopMode = "leave" | "kill";

const OVERRAN =
  "attempts ran on after the lease had lapsed, since neither runner-agent nor warden could act: another runner may have run them meanwhile";
const REAP_EVERY_MS = 600_000;
const ABOUT_EVERY_MS = 3_600_000;
const MAX_PACKS_TOLD = 10_000;
/** For letting go of what waits on a bus or an engine that does not answer. */
const LEAVE_PATIENCE_MS = 5_000;

/**
 * Opens the engine, takes up what an earlier incarnation left, tells the fleet, and from then on takes
 * starts while it has room. Resolves when it does.
 *
 * @throws `engine_unavailable`, `bus_unavailable`; nothing is left running here then
 */
export async function startRunner(parts: RunnerParts, settings: RunnerSettings): Promise<Runner> {
  const stopping = new AbortController();
  try {
    await parts.disk.open();
    const engine = await parts.executor.open();
    return await begin(parts, settings, engine, stopping);
  } catch (error) {
    stopping.abort();
    await parts.executor.close();
    throw error;
  }
}

async function begin(
  parts: RunnerParts,
  settings: RunnerSettings,
  engine: Awaited<ReturnType<Executor["open"]>>,
  stopping: AbortController,
): Promise<Runner> {
  const { bus, executor, disk, clock, log, incarnation } = parts;
  const { runner, leaseMs } = settings;
  const { signal } = stopping;
  const pulling = new AbortController();
  const superseded = Promise.withResolvers<void>();

  const slots = openSlots(
    settings.slots ?? defaultSlots(engine.cpus, engine.memoryBytes, DEFAULT_LIMITS.memoryBytes),
  );
  const directories = disk.attempts;
  const packs = await disk.openPacks({
    blobs: bus.blobs,
    executor,
    signal,
    onChange: () => about.changed(),
  });
  const about = aboutKey({
    bucket: bus.bucket(buckets.runners),
    runner,
    clock,
    signal,
    onTrouble: (err) => log.warn({ err }, "not told what this runner holds"),
    current: () => ({
      v: 1,
      runner,
      version: settings.version,
      pool: settings.pool,
      labels: { ...settings.labels },
      slots: slots.total,
      cpus: engine.cpus,
      memoryBytes: engine.memoryBytes,
      engineVersion: engine.engineVersion,
      curveKey: parts.sealer.publicKey,
      leaseMs,
      packs: packs.held().slice(0, MAX_PACKS_TOLD),
    }),
  });
  const narrator = {
    events: bus.events,
    clock,
    runner,
    incarnation,
    onTrouble: (err: unknown) => log.warn({ err }, "fact not taken by the bus yet"),
  };
  const standingOf = (name: AttemptName) => readStanding(narrator, name);
  const inHand = () => attempts.all().map(({ name }) => name);
  const strangers = reaper(executor, inHand);
  const attempts: Attempts = openAttempts({
    scope: {
      ...parts,
      runner,
      packs,
      cpus: engine.cpus,
      hostEndpoints: settings.hostEndpoints,
      outerProxies: settings.outerProxies ?? {},
      reaped: strangers.idle,
      whenMayRun: (signal) => liveness.whenMayRun(signal),
      async lossOf(name) {
        if (!liveness.isWatched) return undefined;
        const standing = await standingOf(name);
        return standing.kind === "mine" ? undefined : lossOf(standing);
      },
    },
    narrator,
    directories,
    limits: settings.limits,
    signal,
  });

  let lastStart = 0;
  const liveness = parts.liveness({
    leaseMs,
    clock,
    log,
    current: () => ({
      v: 1,
      runner: ProcessId.parse(runner),
      incarnation,
      attempts: [...attempts.live()],
      lastStart,
      slotsUsed: attempts.live().length,
    }),
    onSuperseded: () => {
      log.error("another incarnation of this runner has taken over");
      void letGo().then(superseded.resolve);
    },
    pauseAll: () => pauseAll(executor),
    onPaused: (names, overranMs) => {
      const atMs = clock.now();
      for (const name of names) {
        const late = overranMs !== undefined && { overranMs };
        attempts.find(name)?.send({ type: "PAUSED", atMs, ...late });
      }
      if (overranMs === undefined) log.warn({ attempts: names.length }, "attempts paused");
      else log.error({ attempts: names, overranMs }, OVERRAN);
    },
  });

  if (liveness.isWatched) await pauseAll(executor);
  await takeUpAll({ attempts, directories, executor, standingOf, slots, log });
  await strangers.reap();
  await about.write();
  await liveness.begin();

  const orders = {
    runner,
    attempts,
    epoch: await disk.openEpoch(),
    earlyStops: earlyStops(clock),
    clean: cleaner({
      ...{ runner, executor, disk, strangers, inHand, clock, log, signal },
      bucket: bus.bucket(buckets.runners),
    }),
    clock,
    log,
  };
  const loop = { commands: bus.commands, runner, clock, log };
  const starts = pullStarts(
    { ...loop, slots, signal: pulling.signal, engineThere: executor.list },
    async (delivery, permit) => {
      await takeStart(delivery, permit, orders);
      // Only now: what is told as handled is claimed and listed, or never will be.
      lastStart = Math.max(lastStart, delivery.sequence);
    },
  );
  const controls = pullControls({ ...loop, signal }, (order) => takeControl(order, orders));
  const watch = { clock, signal, log, attempts: attempts.all };
  watchDisk(executor, watch);
  watchSeals(standingOf, leaseMs, watch);
  if (liveness.isWatched) watchPauses(executor, leaseMs, watch);
  const notReaped = (err: unknown) => log.warn({ err }, "strangers not removed");
  periodically(clock, REAP_EVERY_MS, signal, strangers.reap, notReaped);
  // How old the key is tells how long ago a runner was there.
  const notTold = (err: unknown) => log.warn({ err }, "not told what this runner holds");
  periodically(clock, ABOUT_EVERY_MS, signal, about.write, notTold);
  log.info(
    { runner, incarnation, slots: slots.total, engine: engine.engineVersion },
    "runner ready",
  );

  async function letGo(): Promise<void> {
    pulling.abort();
    stopping.abort();
    const leaving = attempts.all().map((attempt) => attempt.detach());
    const gone = Promise.allSettled([starts, controls, packs.idle(), ...leaving]);
    await atMost(clock, LEAVE_PATIENCE_MS, gone);
  }

  async function endAll(): Promise<void> {
    await atMost(clock, LEAVE_PATIENCE_MS, starts);
    const atMs = clock.now();
    const inHand = attempts.all();
    for (const attempt of inHand) attempt.send({ type: "STOP", mode: "interrupt", atMs });
    const over = Promise.all(inHand.map((attempt) => attempt.over));
    await atMost(clock, settings.stopPatienceMs, over);
  }

  async function removeAll(): Promise<void> {
    const left = await executor.list();
    await Promise.all(left.map(({ name }) => executor.remove(name)));
    await executor.reap([]);
  }

  async function stop(mode: StopMode): Promise<void> {
    pulling.abort();
    if (mode === "kill") await endAll();
    await letGo();
    try {
      if (mode === "kill") await removeAll();
      await liveness.end(mode === "kill");
    } finally {
      await executor.close();
    }
    log.info({ mode }, "runner stopped");
  }

  let stopped: Promise<void> | undefined;
  return {
    incarnation,
    setLeastSlots(count) {
      slots.setLeast(count);
      about.changed();
    },
    superseded: superseded.promise,
    stop: (mode) => {
      stopped ??= stop(mode);
      return stopped;
    },
  };
}

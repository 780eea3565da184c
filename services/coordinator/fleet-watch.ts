import type { Clock } from "@pitaya/actors";
import { type Bus, decode, type Entry } from "@pitaya/bus";
import { buckets, errorRecord, RunnerAbout, RunnerLiveness } from "@pitaya/protocol";
import type { Logger } from "pino";
import { type ClaimedAttempt, type FleetState, fleetState } from "./domain/fleet-state.ts";

export interface FleetWatchOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of runners that do not tell the length of theirs. */
  readonly leaseMs: number;
  /** Without an answer of the bus for so long it is away; see {@link FleetState.answered}. */
  readonly silenceMs: number;
  /** Attempts this coordinator knows to be claimed on the runner, which a heartbeat must list. */
  claimedOn(runner: string): readonly ClaimedAttempt[];
  /** Does the work in turn with everything else that changes state. */
  post(work: () => void): void;
  /** Something about the fleet changed, or may have by the passing of time. */
  changed(): void;
}

export interface FleetWatch {
  readonly state: FleetState;
  /** The bus answered the coordinator, as it does every so often. */
  answered(): void;
  /** Watches until the signal aborts. Rejects when it cannot go on. */
  run(signal: AbortSignal): Promise<void>;
}

/** Keeps what is known of the runners up to date from their keys and from the passing of time. */
export function fleetWatch(options: FleetWatchOptions): FleetWatch {
  const { bus, clock } = options;
  const state = fleetState(options.leaseMs, options.silenceMs);
  state.reconnected(clock.now());
  let cancelTimer: () => void = () => undefined;

  function armTimer(): void {
    cancelTimer();
    const at = state.nextLapse(clock.now());
    if (at === undefined) return;
    cancelTimer = clock.setTimer(at - clock.now() + 1, () => {
      options.changed();
      options.post(armTimer);
    });
  }

  async function take({ key, value, revision, writtenAt }: Entry): Promise<void> {
    const what = `The runner's entry ${key}`;
    if (key.endsWith(".about")) {
      const about = decode(RunnerAbout, value, what);
      await bus.commands.ensureQueues(about.runner);
      options.post(() => state.about(about.runner, about));
      return;
    }
    options.post(() => state.heard(key, revision));
    const liveness = decode(RunnerLiveness, value, what);
    options.post(() =>
      state.heartbeat(key, liveness, options.claimedOn(key), clock.now(), writtenAt.getTime()),
    );
  }

  async function watchKeys(signal: AbortSignal): Promise<void> {
    for await (const change of bus.bucket(buckets.runners).watch(signal)) {
      // Inventories are read by whoever asked for them.
      if (!("value" in change) || change.key.endsWith(".inventory")) continue;
      try {
        await take(change);
        options.post(armTimer);
        options.changed();
      } catch (error) {
        options.log.warn({ key: change.key, error: errorRecord(error) }, "runner entry refused");
      }
    }
  }

  async function watchConnection(signal: AbortSignal): Promise<void> {
    for await (const status of bus.status(signal)) {
      if (status !== "connected") continue;
      options.post(() => state.reconnected(clock.now()));
      options.post(armTimer);
    }
  }

  return {
    state,
    answered() {
      options.post(() => state.answered(clock.now()));
      options.post(armTimer);
    },
    async run(signal) {
      try {
        await Promise.all([watchKeys(signal), watchConnection(signal)]);
      } finally {
        cancelTimer();
      }
    },
  };
}

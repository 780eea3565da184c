import { type Clock, intentRunner } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import type { ProcessId } from "@pitaya/protocol";
import type { Logger } from "pino";
import { waitsUntil } from "./credentials-wait.rules.ts";
import type { FleetState } from "./domain/fleet-state.ts";
import {
  type IntentWorld,
  nextDeadline,
  type RunIntent,
  runIntents,
} from "./domain/run-intents.ts";
import { isFinalRun } from "./fold/folded-run.ts";
import { performIntent } from "./perform-intent.ts";
import type { RunEntry } from "./run-entry.ts";

export interface OutsideOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly coordinator: ProcessId;
  readonly epoch: number;
  readonly fleet: FleetState;
  readonly cancelGraceMs: number;
  readonly credentialsWaitMs: number;
  isStoreFull(): boolean;
  entryOf(run: string): RunEntry | undefined;
  wake(run: string): void;
}

/** Longest pause before a failed intent is tried again. */
const MAX_INTENT_PAUSE_MS = 1_000;

/** Keeps what is outside in step with a run: does what its state asks for, and looks again in time. */
export function outside(options: OutsideOptions): (entry: RunEntry) => void {
  const { bus, clock, log, coordinator, epoch, fleet, wake } = options;

  const perform = performIntent({
    ...{ bus, clock, coordinator, epoch },
    toldToStop(run, instance, attempt) {
      const entry = options.entryOf(run);
      const name = `${instance}.${attempt}`;
      if (entry?.toldToStopAt.has(name)) return;
      entry?.toldToStopAt.set(name, clock.now());
      wake(run);
    },
    hasRenewed: (runner, revision) => fleet.hasRenewed(runner, revision, clock.now()),
  });

  const worldOf = (entry: RunEntry): IntentWorld => ({
    now: clock.now(),
    cancelGraceMs: options.cancelGraceMs,
    toldToStopAt: (instance, attempt) => entry.toldToStopAt.get(`${instance}.${attempt}`),
    isLost(runner, instance, attempt) {
      if (options.isStoreFull()) return false;
      const claimed = (entry.log.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
      return fleet.isLost(runner, { run: entry.run, instance, attempt }, claimed, clock.now());
    },
  });

  return (entry) => {
    const { actors } = entry;
    if (actors === undefined) return;
    entry.intents ??= intentRunner<RunIntent>({
      clock,
      perform,
      onError(intent, error, failures) {
        log.warn({ run: entry.run, intent: intent.id, err: error, failures }, "intent failed");
        return { retryAfterMs: Math.min(MAX_INTENT_PAUSE_MS, 50 * 2 ** failures) };
      },
    });
    entry.intents.reconcile(runIntents(actors, worldOf(entry)));
    entry.cancelDeadline();
    if (isFinalRun(entry)) return;
    const deadlines = [
      nextDeadline(actors, worldOf(entry)),
      waitsUntil(entry, options.credentialsWaitMs),
    ];
    const due = deadlines.filter((at) => at !== undefined);
    if (due.length === 0) return;
    const delayMs = Math.max(1, Math.min(...due) - clock.now());
    entry.cancelDeadline = clock.setTimer(delayMs, () => wake(entry.run));
  };
}

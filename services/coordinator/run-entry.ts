import type { IntentRunner } from "@pitaya/actors";
import type { Decision, ProcessId } from "@pitaya/protocol";
import { type LogMessage, type RunLog, type RunViewFold, runLog, runView } from "@pitaya/views";
import { type Resolution, type RunActors, runActors } from "./domain/run-actors.ts";
import type { RunIntent } from "./domain/run-intents.ts";
import type { StrategyRun } from "./ports/strategy-code.port.ts";

/** A decision asked for from outside, published before the next turn. */
export interface Asked {
  readonly entries: readonly Decision[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** All that this process holds of one run. Everything in it can be rebuilt from the log. */
export interface RunEntry {
  readonly run: string;
  readonly log: RunLog;
  readonly fold: RunViewFold;
  actors: RunActors | undefined;
  /** Code of the executions under way. */
  readonly code: Map<string, StrategyRun>;
  /** What was final before the code was started, in stream order. */
  readonly history: Resolution[];
  readonly asked: Asked[];
  /** Sequence of our last decision; nothing is decided until it is read back. */
  inFlight: number;
  /** Runners of placements that are not read back yet. */
  pendingPlacements: readonly ProcessId[];
  readonly toldToStopAt: Map<string, number>;
  intents: IntentRunner<RunIntent> | undefined;
  cancelDeadline: () => void;
  waitingSince: number | undefined;
  /** A text that every execution starts from; loaded once. */
  prompt: string | undefined;
}

export function runEntry(run: string): RunEntry {
  return {
    run,
    log: runLog(),
    fold: runView(),
    actors: undefined,
    code: new Map(),
    history: [],
    asked: [],
    inFlight: 0,
    pendingPlacements: [],
    toldToStopAt: new Map(),
    intents: undefined,
    cancelDeadline: () => undefined,
    waitingSince: undefined,
    prompt: undefined,
  };
}

export interface Folded {
  readonly resolutions: readonly Resolution[];
  /** Messages that did not count, for the log of this process. */
  readonly oddities: readonly string[];
}

/** Takes the next message of the run's log. */
export function foldMessage(entry: RunEntry, message: LogMessage): Folded {
  const resolutions: Resolution[] = [];
  const oddities: string[] = [];
  for (const event of entry.log.admit(message)) {
    entry.fold.apply(event);
    if (event.kind === "decision" && event.entry.type === "run.submitted") {
      entry.actors ??= runActors(event.entry.spec, entry.log);
    }
    if (event.kind === "stale" || event.kind === "unreadable") oddities.push(event.reason);
    if (event.kind === "void") oddities.push(`void ${event.entry.type}`);
    resolutions.push(...(entry.actors?.apply(event) ?? []));
  }
  return { resolutions, oddities };
}

/** Submitted, executing or finalizing: what keeps a stack awake. */
export const isLiveRun = (entry: RunEntry): boolean =>
  entry.actors !== undefined &&
  ["submitted", "executing", "finalizing"].includes(entry.actors.phase);

export const isFinalRun = (entry: RunEntry): boolean =>
  entry.actors !== undefined && ["succeeded", "failed", "cancelled"].includes(entry.actors.phase);

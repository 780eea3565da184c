import type { IntentRunner } from "@pitaya/actors";
import type { Decision, DecisionOf } from "@pitaya/protocol";
import type { TaskDraft } from "@pitaya/strategies";
import type { CodeUnderWay } from "./code-under-way.ts";
import type { RunIntent } from "./domain/run-intents.ts";
import type { PlannedTask } from "./domain/turn.ts";
import type { FoldedRun } from "./fold/folded-run.ts";
import type { RunTexts } from "./ports/strategy-code.port.ts";

/** A decision asked for from outside, published before the next turn. */
export interface Asked {
  readonly entries: readonly Decision[];
  /** @param isStored false where they meant nothing any more */
  readonly done: (isStored: boolean) => void;
  readonly failed: (error: unknown) => void;
}

/** A run as the coordinator that decides has it in hand: its fold, and what is under way for it. */
export interface RunEntry extends Pick<FoldedRun, "run" | "log" | "fold" | "actors" | "history"> {
  /** Code of the executions under way. */
  readonly code: Map<string, CodeUnderWay>;
  /** Executions whose code may have gone further than the log says. */
  readonly ahead: Set<string>;
  /** How many tasks of an execution's code are known to be scheduled; the others come after them. */
  readonly scheduled: Map<string, number>;
  /** Life and executions for which the code was started, or is not needed any more. */
  brought: string;
  readonly asked: Asked[];
  /** Sequence of our last decision; nothing is decided until it is read back. */
  inFlight: number;
  /** Placements that are not read back yet. */
  pendingPlacements: readonly Pick<DecisionOf<"attempt.placed">, "instance" | "runner">[];
  readonly toldToStopAt: Map<string, number>;
  intents: IntentRunner<RunIntent> | undefined;
  cancelDeadline: () => void;
  /** Attempts under way when it was last looked at. */
  liveAttempts: number;
  /** What every execution starts from; loaded once. */
  texts: RunTexts | undefined;
  /** Tasks whose texts are where they belong. */
  readonly stored: WeakMap<TaskDraft, PlannedTask>;
}

export const runEntry = (folded: FoldedRun): RunEntry => ({
  run: folded.run,
  log: folded.log,
  fold: folded.fold,
  history: folded.history,
  get actors() {
    return folded.actors;
  },
  code: new Map(),
  ahead: new Set(),
  scheduled: new Map(),
  brought: "",
  asked: [],
  inFlight: 0,
  pendingPlacements: [],
  toldToStopAt: new Map(),
  intents: undefined,
  cancelDeadline: () => undefined,
  liveAttempts: 0,
  texts: undefined,
  stored: new WeakMap(),
});

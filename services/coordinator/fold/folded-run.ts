import {
  type FrozenRunLog,
  type FrozenRunView,
  type LogMessage,
  type RunLog,
  type RunViewFold,
  runLog,
  runView,
} from "@pitaya/views";
import {
  type FrozenRunActors,
  type Resolution,
  type RunActors,
  runActors,
} from "../domain/run-actors.ts";

/** What the log says of one run: a fold of its messages, and nothing else. */
export interface FoldedRun {
  readonly run: string;
  readonly log: RunLog;
  readonly fold: RunViewFold;
  /** Absent until the run's submission is folded. */
  readonly actors: RunActors | undefined;
  /** Instances that became final, in stream order: what its strategy's code is to be told. */
  readonly history: readonly Resolution[];
  /** Takes the next message of the run's log. */
  take(message: LogMessage): Taken;
  freeze(): FrozenRun;
}

export interface Taken {
  readonly resolutions: readonly Resolution[];
  /** Why messages did not count, for the log of this process. */
  readonly oddities: readonly string[];
}

/** A folded run as JSON. */
export interface FrozenRun {
  readonly run: string;
  readonly log: FrozenRunLog;
  readonly view: FrozenRunView;
  readonly actors?: FrozenRunActors;
  readonly history: readonly Resolution[];
}

export function foldedRun(run: string, frozen?: FrozenRun): FoldedRun {
  const log = runLog(frozen?.log);
  const fold = runView(frozen?.view);
  const history: Resolution[] = [...(frozen?.history ?? [])];
  let actors = frozen?.actors && runActors(frozen.actors.submitted, log, frozen.actors);

  return {
    run,
    log,
    fold,
    history,
    get actors() {
      return actors;
    },
    take(message) {
      const resolutions: Resolution[] = [];
      const oddities: string[] = [];
      for (const event of log.admit(message)) {
        fold.apply(event);
        if (event.kind === "decision" && event.entry.type === "run.submitted") {
          actors ??= runActors(event.entry.spec, log);
        }
        if (event.kind === "stale" || event.kind === "unreadable") oddities.push(event.reason);
        if (event.kind === "void") oddities.push(`void ${event.entry.type}`);
        resolutions.push(...(actors?.apply(event) ?? []));
      }
      history.push(...resolutions);
      return { resolutions, oddities };
    },
    freeze: () => ({
      run,
      log: log.freeze(),
      view: fold.freeze(),
      ...(actors && { actors: actors.freeze() }),
      history,
    }),
  };
}

type Folded = Pick<FoldedRun, "actors">;

/** Submitted, executing or finalizing: what keeps a stack awake. */
export const isLiveRun = ({ actors }: Folded): boolean =>
  actors !== undefined && ["submitted", "executing", "finalizing"].includes(actors.phase);

export const isFinalRun = ({ actors }: Folded): boolean =>
  actors !== undefined && ["succeeded", "failed", "cancelled"].includes(actors.phase);

import type { LiveRun } from "./services.port.ts";

/** Who and what the stack is there for. */
export interface Situation {
  /** Connected commands, those that only ask left out. */
  readonly guests: readonly { readonly visit: "submit" | "attach" }[];
  readonly liveRuns: readonly LiveRun[];
}

const noneSubmits = ({ guests }: Situation) => !guests.some(({ visit }) => visit === "submit");

/** Nobody there, and nothing goes on: the idle time counts. */
export const isResting = ({ guests, liveRuns }: Situation): boolean =>
  guests.length === 0 && liveRuns.every((live) => live.waitingForCredentials);

/** What `down --when-idle` waits for. Runs that nobody can bring credentials for are not waited for. */
export const isDone = (situation: Situation): boolean =>
  isResting(situation) || (situation.liveRuns.length === 0 && noneSubmits(situation));

/** Another build may take over unnoticed. */
export const isReplaceable = (situation: Situation): boolean =>
  situation.liveRuns.length === 0 && noneSubmits(situation);

/** A run's wish for slots on the embedded runner, and whether its command is still submitting it. */
export interface SlotsAsked {
  readonly atLeast: number;
  readonly submitting: boolean;
}

/** The wishes of runs that are live or about to be: the others no longer count. */
export function slotsStillAsked(
  asked: ReadonlyMap<string, SlotsAsked>,
  liveRuns: readonly LiveRun[],
): ReadonlyMap<string, number> {
  const live = new Set(liveRuns.map(({ run }) => run));
  const counting = [...asked].filter(([run, { submitting }]) => submitting || live.has(run));
  return new Map(counting.map(([run, { atLeast }]) => [run, atLeast]));
}

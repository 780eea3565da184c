/** Who and what the stack is there for. */
export interface Situation {
  /** Connected commands, those that only ask left out. */
  readonly guests: readonly { readonly visit: "submit" | "attach" }[];
  /** Runs that wait for credentials nobody brings are not live for long: the coordinator interrupts them. */
  readonly liveRuns: number;
}

/** Nobody is there and nothing goes on: the idle time counts. */
export const isResting = ({ guests, liveRuns }: Situation): boolean =>
  guests.length === 0 && liveRuns === 0;

/** Nothing would be lost with it: what `down --when-idle` waits for, and when another build takes over. */
export const isFree = ({ guests, liveRuns }: Situation): boolean =>
  liveRuns === 0 && !guests.some(({ visit }) => visit === "submit");

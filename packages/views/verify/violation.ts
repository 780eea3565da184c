/**
 * What a log is held against:
 *
 * - chain: each decision and each fact has its place after the one before it, and no two have the
 *   same;
 * - writer: an epoch is one coordinator's, an attempt's chain one incarnation's at a time;
 * - order: an attempt is placed when the one before it has ended, and nothing follows an end;
 * - outcome: one instance a key, one outcome an instance, an execution and a run;
 * - totals: counts and spend are sums over the attempts, and the list of runs says the same;
 * - blob: what counts names blobs that are there, whole;
 * - branch: what was imported is what an attempt made, and stands in the repository.
 */
export const RULES = ["chain", "writer", "order", "outcome", "totals", "blob", "branch"] as const;
export type Rule = (typeof RULES)[number];

export interface Violation {
  readonly rule: Rule;
  /** Stream sequence of the message that shows it; absent where it is what the log lacks. */
  readonly sequence?: number;
  /** What and where, for a person. */
  readonly message: string;
}

/** A message that does not count, as the fold says. */
export interface SetAside {
  readonly sequence: number;
  readonly subject: string;
  readonly reason: string;
}

/** What code that is not ours may use. */
export interface IsolateLimits {
  /** Of the interpreter with the code and all its values; at least 16 MiB. */
  readonly memoryBytes: number;
  /** Of nested calls. */
  readonly stackBytes: number;
  /**
   * How often the interpreter may look up from the code within one turn, about once every ten
   * thousand loops or calls. Counted and not timed, so that the same code ends at the same place on
   * a slow machine.
   */
  readonly turnTicks: number;
  /** Continuations of promises within one turn. */
  readonly turnJobs: number;
  /** Calls of the context within one turn. */
  readonly turnCalls: number;
  /** Of one call with its arguments, and of an outcome with its files, as JSON. */
  readonly messageCharacters: number;
  /** Of what a call gives, as JSON: all results of a `waitAll`, for one. */
  readonly replyCharacters: number;
  readonly logLines: number;
  readonly logLineCharacters: number;
  /**
   * Processor time of one turn. Ends what the interpreter cannot be interrupted in, such as a join
   * of a gigabyte; code that loops has run out of ticks long before.
   */
  readonly turnCpuMs: number;
}

export const ISOLATE_LIMITS: IsolateLimits = {
  memoryBytes: 64 * 1024 ** 2,
  stackBytes: 256 * 1024,
  turnTicks: 2_000,
  turnJobs: 500_000,
  turnCalls: 50_000,
  messageCharacters: 4 * 1024 ** 2,
  replyCharacters: 16 * 1024 ** 2,
  logLines: 2_000,
  logLineCharacters: 2_000,
  turnCpuMs: 10_000,
};

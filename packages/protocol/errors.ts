import { z } from "zod";

/**
 * Every way Pitaya can fail, as a closed set: docs, metrics, retries and exit codes key on it.
 * `exit` is the process exit code where this error decides it (spec: 1 surroundings, 2 usage and
 * interruption, 3 failed outcome, 4 credentials, 5 budget). `retryable` says whether a new attempt
 * could succeed with nothing changed.
 */
const CODES = {
  // the bus
  bus_unavailable: { exit: 1, retryable: true },
  server_too_old: { exit: 1, retryable: false },
  server_misconfigured: { exit: 1, retryable: false },
  server_missing: { exit: 1, retryable: false },
  permission_denied: { exit: 1, retryable: false },
  malformed_message: { exit: 1, retryable: false },
  version_skew: { exit: 1, retryable: false },
  chain_conflict: { exit: 1, retryable: false },
  sealed: { exit: 1, retryable: false },
  stale_epoch: { exit: 1, retryable: false },
  store_full: { exit: 1, retryable: true },
  blob_missing: { exit: 1, retryable: true },
  blob_corrupt: { exit: 1, retryable: true },
  no_coordinator: { exit: 1, retryable: true },
  // the user's side
  usage: { exit: 2, retryable: false },
  untrusted: { exit: 2, retryable: false },
  not_a_repository: { exit: 1, retryable: false },
  repository_unsupported: { exit: 1, retryable: false },
  unborn_head: { exit: 1, retryable: false },
  worktree_dirty: { exit: 1, retryable: false },
  base_missing: { exit: 1, retryable: false },
  unknown_run: { exit: 1, retryable: false },
  run_conflict: { exit: 1, retryable: false },
  ref_conflict: { exit: 1, retryable: false },
  ref_protected: { exit: 1, retryable: false },
  base_not_here: { exit: 1, retryable: false },
  patch_failed: { exit: 1, retryable: false },
  git_failed: { exit: 1, retryable: false },
  stack_failed: { exit: 1, retryable: true },
  credentials_missing: { exit: 4, retryable: false },
  // placement and the engine
  no_runner: { exit: 1, retryable: true },
  runner_lost: { exit: 3, retryable: true },
  engine_unavailable: { exit: 1, retryable: true },
  image_missing: { exit: 1, retryable: false },
  image_unusable: { exit: 1, retryable: false },
  disk_full: { exit: 1, retryable: true },
  // the agent
  credentials_refused: { exit: 4, retryable: false },
  invalid_model: { exit: 3, retryable: false },
  rate_limited: { exit: 3, retryable: true },
  overloaded: { exit: 3, retryable: true },
  provider_error: { exit: 3, retryable: true },
  provider_unreachable: { exit: 3, retryable: true },
  context_too_long: { exit: 3, retryable: false },
  model_refused: { exit: 3, retryable: false },
  max_turns: { exit: 3, retryable: false },
  budget: { exit: 5, retryable: false },
  agent_failed: { exit: 3, retryable: false },
  session_lost: { exit: 3, retryable: true },
  no_result: { exit: 3, retryable: false },
  task_unsupported: { exit: 2, retryable: false },
  // limits of ours
  start_timeout: { exit: 3, retryable: true },
  stalled: { exit: 3, retryable: true },
  timeout: { exit: 3, retryable: true },
  disk_limit: { exit: 3, retryable: false },
  out_of_memory: { exit: 3, retryable: false },
  // after the agent
  harvest_failed: { exit: 3, retryable: true },
  bundle_rejected: { exit: 3, retryable: false },
  secret_in_commit: { exit: 3, retryable: false },
  // the life of a run
  strategy_failed: { exit: 3, retryable: false },
  key_conflict: { exit: 3, retryable: false },
  replay_mismatch: { exit: 3, retryable: false },
  cancelled: { exit: 2, retryable: false },
  interrupted: { exit: 2, retryable: false },
  internal: { exit: 1, retryable: false },
} as const satisfies Record<string, { exit: 1 | 2 | 3 | 4 | 5; retryable: boolean }>;

export type ErrorCode = keyof typeof CODES;
export const ErrorCode = z.enum(Object.keys(CODES) as [ErrorCode, ...ErrorCode[]]);

/** How an error travels in a message. Stacks stay in the log of the process that threw. */
export const ErrorRecord = z.object({
  code: ErrorCode,
  /** What and why, for a person. At most 4,000 characters. */
  message: z.string().max(4_000),
  /** What to do about it. */
  hint: z.string().max(2_000).optional(),
  retryable: z.boolean(),
  /** The other side asked to wait this long before a new attempt. */
  retryAfterMs: z.int().nonnegative().optional(),
  details: z.record(z.string(), z.json()).optional(),
});
export type ErrorRecord = z.infer<typeof ErrorRecord>;

export interface PitayaErrorOptions extends ErrorOptions {
  readonly hint?: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
  readonly details?: ErrorRecord["details"];
}

/** Every error Pitaya throws on purpose. Anything else is a bug, reported as `internal`. */
export class PitayaError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly details: ErrorRecord["details"];

  constructor(code: ErrorCode, message: string, options: PitayaErrorOptions = {}) {
    super(message, options);
    this.name = "PitayaError";
    this.code = code;
    this.retryable = options.retryable ?? CODES[code].retryable;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }
}

export const isPitayaError = (error: unknown, code?: ErrorCode): error is PitayaError =>
  error instanceof PitayaError && (code === undefined || error.code === code);

/** The exit code of a process that this error ends. */
export const exitCodeOf = (code: ErrorCode): number => CODES[code].exit;

export const isRetryableCode = (code: ErrorCode): boolean => CODES[code].retryable;

const cut = (text: string, max: number) =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;

/** Whether the system refused to write for want of room. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");

/** The wire form of anything thrown. A bug becomes `internal`, with its message and without its stack. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof PitayaError) {
    return {
      code: error.code,
      message: cut(error.message, 4_000),
      retryable: error.retryable,
      ...(error.hint === undefined ? {} : { hint: cut(error.hint, 2_000) }),
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      ...(error.details === undefined ? {} : { details: error.details }),
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isDiskFull(error)) {
    return errorRecord(
      new PitayaError("disk_full", `a disk is full: ${message}`, { hint: "Make room on it." }),
    );
  }
  return { code: "internal", message: cut(message, 4_000), retryable: false };
}

/** The error a record was made from, to be thrown on this side. */
export function errorFromRecord(record: ErrorRecord): PitayaError {
  return new PitayaError(record.code, record.message, {
    retryable: record.retryable,
    ...(record.hint === undefined ? {} : { hint: record.hint }),
    ...(record.retryAfterMs === undefined ? {} : { retryAfterMs: record.retryAfterMs }),
    ...(record.details === undefined ? {} : { details: record.details }),
  });
}

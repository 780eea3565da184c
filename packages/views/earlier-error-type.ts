import type { ErrorCode, ErrorRecord } from "@pitaya/protocol";
import { z } from "zod";

/** How the earlier Pitaya sorted failures. Our own code stands beside it wherever it is told. */
export const EarlierErrorType = z.enum([
  "docker",
  "api",
  "network",
  "git",
  "timeout",
  "session_corrupted",
  "auth",
  "unknown",
]);
export type EarlierErrorType = z.infer<typeof EarlierErrorType>;

const GROUPS: Readonly<Partial<Record<EarlierErrorType, readonly ErrorCode[]>>> = {
  docker: [
    "engine_unavailable",
    "image_missing",
    "image_unusable",
    "disk_full",
    "disk_limit",
    "out_of_memory",
    "runner_lost",
  ],
  api: [
    "invalid_model",
    "rate_limited",
    "overloaded",
    "provider_error",
    "context_too_long",
    "model_refused",
    "max_turns",
    "agent_failed",
    "no_result",
  ],
  network: ["provider_unreachable", "bus_unavailable"],
  git: [
    "git_failed",
    "ref_conflict",
    "ref_protected",
    "base_not_here",
    "patch_failed",
    "harvest_failed",
    "bundle_rejected",
    "secret_in_commit",
  ],
  timeout: ["start_timeout", "stalled", "timeout"],
  auth: ["credentials_missing", "credentials_refused"],
};

const TYPE_OF = new Map(
  Object.entries(GROUPS).flatMap(([type, codes]) =>
    codes.map((code) => [code, type as EarlierErrorType] as const),
  ),
);

export const earlierErrorType = (code: ErrorCode): EarlierErrorType =>
  TYPE_OF.get(code) ?? "unknown";

/** A failure as every outward event tells it. */
export const failureFields = {
  error_type: EarlierErrorType,
  message: z.string(),
  /** One of our closed set of codes. */
  code: z.string(),
  hint: z.string().optional(),
  retryable: z.boolean(),
} as const;

export const failureOf = (error: ErrorRecord) => ({
  error_type: earlierErrorType(error.code),
  message: error.message,
  code: error.code,
  ...(error.hint === undefined ? {} : { hint: error.hint }),
  retryable: error.retryable,
});

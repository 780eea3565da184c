import type { ErrorCode } from "@pitaya/protocol";
import type { Result } from "./claude-code-lines.ts";
import type { AgentFailure } from "./plugin.port.ts";

/** What is known of a turn that failed, besides its result line. */
export interface ClaudeTrouble {
  /** What the CLI called the trouble in the message before the result. */
  readonly kind: string | undefined;
  /** How long the provider asked to wait, at least. */
  readonly retryAfterMs: number | undefined;
}

// Maps, since the words are the CLI's: an object would know "constructor".
const BY_SUBTYPE: ReadonlyMap<string, ErrorCode> = new Map([
  ["error_max_turns", "max_turns"],
  ["error_max_budget_usd", "budget"],
]);

const BY_KIND: ReadonlyMap<string, ErrorCode> = new Map([
  ["authentication_failed", "credentials_refused"],
  ["authentication_error", "credentials_refused"],
  ["permission_error", "credentials_refused"],
  ["billing_error", "credentials_refused"],
  ["model_not_found", "invalid_model"],
  ["rate_limit", "rate_limited"],
  ["rate_limit_error", "rate_limited"],
  ["overloaded_error", "overloaded"],
]);

const BY_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  [401, "credentials_refused"],
  [402, "credentials_refused"],
  [403, "credentials_refused"],
  [404, "invalid_model"],
  [413, "context_too_long"],
  [429, "rate_limited"],
  [529, "overloaded"],
]);

/** The CLI's own words, in its result and on stderr. */
const SESSION_UNKNOWN = /^No conversation found with session ID/m;

export const isSessionUnknown = (text: string): boolean => SESSION_UNKNOWN.test(text);

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  "session_lost",
  "rate_limited",
  "overloaded",
  "provider_error",
  "provider_unreachable",
]);

const UNREACHABLE =
  /E(CONN|HOST|NET|AI_AGAIN|PIPE|NOTFOUND|TIMEDOUT)|connection|timed out|fetch failed|socket/i;

const MAX_MESSAGE = 2_000;

function codeOf(result: Result, { kind }: ClaudeTrouble): ErrorCode {
  const { api_error_status: status, stop_reason, terminal_reason } = result;
  if (result.errors?.some((error) => typeof error === "string" && isSessionUnknown(error))) {
    return "session_lost";
  }
  const bySubtype = BY_SUBTYPE.get(result.subtype ?? "");
  if (bySubtype) return bySubtype;
  if (terminal_reason === "prompt_too_long") return "context_too_long";
  if (stop_reason === "refusal") return "model_refused";
  const byStatus = BY_STATUS.get(status ?? 0);
  if (byStatus) return byStatus;
  if (status !== undefined && status >= 500) return "provider_error";
  const byKind = BY_KIND.get(kind ?? "") ?? BY_KIND.get(result.api_error_type ?? "");
  if (byKind) return byKind;
  if (kind !== "server_error" || status !== undefined) return "agent_failed";
  return UNREACHABLE.test(result.result ?? "") ? "provider_unreachable" : "provider_error";
}

/** The failure a result line tells of, or nothing. Which case says what was measured on the CLI. */
export function failureOfResult(result: Result, trouble: ClaudeTrouble): AgentFailure | undefined {
  if (result.is_error !== true && result.subtype === "success") return undefined;
  const code = codeOf(result, trouble);
  const errors = (result.errors ?? []).filter((error) => typeof error === "string").join("; ");
  const ended = `it ended with ${result.terminal_reason ?? result.subtype ?? "an error"}`;
  // What the CLI says of its own being interrupted is a diagnostic for its makers.
  const said = result.terminal_reason?.startsWith("aborted") ? "" : result.result || errors;
  const message = said || ended;
  const wait = code === "rate_limited" || code === "overloaded" ? trouble.retryAfterMs : undefined;
  return {
    code,
    message: message.slice(0, MAX_MESSAGE).toWellFormed(),
    retryable: RETRYABLE.has(code),
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  };
}

import type { ErrorCode } from "@pitaya/protocol";
import type { AgentFailure } from "./plugin.port.ts";

/** What Claude Code tells of a failure, from its last result line and the synthetic message before it. */
export interface ClaudeFailure {
  readonly subtype: string;
  readonly status: number | undefined;
  /** `assistant.error` or `api_error_type`. */
  readonly kind: string | undefined;
  readonly terminalReason: string | undefined;
  readonly stopReason: string | undefined;
  readonly message: string;
}

const BY_SUBTYPE: Readonly<Record<string, ErrorCode>> = {
  error_max_turns: "max_turns",
  error_max_budget_usd: "budget",
};

const BY_KIND: Readonly<Record<string, ErrorCode>> = {
  authentication_failed: "credentials_refused",
  authentication_error: "credentials_refused",
  permission_error: "credentials_refused",
  billing_error: "credentials_refused",
  model_not_found: "invalid_model",
  rate_limit: "rate_limited",
  rate_limit_error: "rate_limited",
  overloaded_error: "overloaded",
  max_output_tokens: "context_too_long",
};

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: "credentials_refused",
  402: "credentials_refused",
  403: "credentials_refused",
  404: "invalid_model",
  429: "rate_limited",
  529: "overloaded",
};

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  "rate_limited",
  "overloaded",
  "provider_error",
  "provider_unreachable",
]);

const UNREACHABLE =
  /ECONNREFUSED|ENOTFOUND|ECONNRESET|Connection (refused|error)|timed out|fetch failed/i;

/** Facts of each case: docs of the CLI do not tell them; they were measured on it. */
export function classifyClaude(failure: ClaudeFailure): AgentFailure {
  const code = codeOf(failure);
  return { code, message: failure.message, retryable: RETRYABLE.has(code) };
}

function codeOf({
  subtype,
  status,
  kind,
  terminalReason,
  stopReason,
  message,
}: ClaudeFailure): ErrorCode {
  const bySubtype = BY_SUBTYPE[subtype];
  if (bySubtype) return bySubtype;
  if (terminalReason === "prompt_too_long") return "context_too_long";
  if (stopReason === "refusal") return "model_refused";
  const byStatus = status === undefined ? undefined : BY_STATUS[status];
  if (byStatus) return byStatus;
  if (status !== undefined && status >= 500) return "provider_error";
  if (/refus/i.test(message) && kind === "invalid_request" && status === undefined)
    return "model_refused";
  if (kind !== undefined && BY_KIND[kind]) return BY_KIND[kind];
  if (status === undefined && UNREACHABLE.test(message)) return "provider_unreachable";
  return kind === "server_error" ? "provider_error" : "agent_failed";
}

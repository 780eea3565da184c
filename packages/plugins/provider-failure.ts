import type { ErrorCode } from "@pitaya/protocol";
import type { AgentFailure } from "./plugin.port.ts";

/** A request that a provider refused or did not answer, as a CLI tells of it. */
export interface ProviderTrouble {
  readonly status?: number | undefined;
  /** The provider's words, or the CLI's. */
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  "rate_limited",
  "overloaded",
  "provider_error",
  "provider_unreachable",
]);

const MAX_MESSAGE = 2_000;
const NO_WORDS = "it told of an error without a word";

/** What the words say, whatever the status: several errors share one. */
const BY_WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [
    /prompt is too long|token count .*exceeds|context[ _](?:length|window)|maximum context/i,
    "context_too_long",
  ],
  [
    /credit balance|insufficient_quota|billing_not_active|api[ _-]key (?:not valid|expired|not found)|API_KEY_INVALID/i,
    "credentials_refused",
  ],
  [/^overloaded|overloaded_error|model is overloaded/i, "overloaded"],
];

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: "credentials_refused",
  402: "credentials_refused",
  403: "credentials_refused",
  404: "invalid_model",
  413: "context_too_long",
  429: "rate_limited",
  503: "overloaded",
  529: "overloaded",
};

const UNREACHABLE =
  /E(?:CONN|HOST|NET|AI_AGAIN|PIPE|NOTFOUND|TIMEDOUT)|fetch failed|timed? ?out|terminated|unable to connect|cannot connect|connection|socket|stream (?:closed|ended)/i;

function codeOf({ status, message }: ProviderTrouble): ErrorCode {
  const byWords = BY_WORDS.find(([words]) => words.test(message))?.[1];
  const code = byWords ?? BY_STATUS[status ?? 0];
  if (code !== undefined) return code;
  if (status !== undefined) return status >= 500 ? "provider_error" : "agent_failed";
  return UNREACHABLE.test(message) ? "provider_unreachable" : "agent_failed";
}

/** The failure of an agent whose provider refused. A wait counts where waiting helps. */
export function providerFailure(trouble: ProviderTrouble): AgentFailure {
  const code = codeOf(trouble);
  const { message, retryAfterMs } = trouble;
  const waits = retryAfterMs !== undefined && (code === "rate_limited" || code === "overloaded");
  return {
    code,
    message: message.trim() === "" ? NO_WORDS : message.slice(0, MAX_MESSAGE).toWellFormed(),
    retryable: RETRYABLE.has(code),
    ...(waits && { retryAfterMs }),
  };
}

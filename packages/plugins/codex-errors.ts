import { type ErrorCode, isRetryableCode } from "@pitaya/protocol";
import type { AgentFailure } from "./plugin.port.ts";
import { providerFailure } from "./provider-failure.ts";

/** The CLI's own words for what its provider answered. It tells no status where it has such words. */
const BY_WORDS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/ran out of room in the model's context window/, "context_too_long"],
  [
    /^Quota exceeded|out of credits|spend cap|To use Codex with your ChatGPT plan/,
    "credentials_refused",
  ],
  [/^Missing environment variable/, "credentials_refused"],
  [/hit your usage limit|^rate limit exceeded/, "rate_limited"],
  [/at capacity|capacity (?:is )?unavailable/i, "overloaded"],
  [
    /content_filter|content policy|flagged for possible|limited access to this content/,
    "model_refused",
  ],
  [/reason: max_output_tokens/, "agent_failed"],
  [/currently experiencing high demand/, "provider_error"],
  [/Transport error|network error/, "provider_unreachable"],
];

const STATUS = /(?:^unexpected status|last status:) (\d{3})\b/;
const NO_SUCH_MODEL =
  /model_not_found|model [`'"]?\S+[`'"]? (?:does not exist|not found|is not supported)|invalid model/i;
const IN_STREAM = /^stream disconnected before completion: /;
const TOLD_WAIT = /try again in (\d{1,6}(?:\.\d{1,6})?) ?(ms|s)/i;

/** Of a body that the CLI hands on as it came, what it says to a person. */
function unwrapped(message: string): { readonly message: string; readonly isBody: boolean } {
  if (!message.startsWith("{")) return { message, isBody: false };
  try {
    const { error } = JSON.parse(message) as { error?: { message?: unknown; code?: unknown } };
    const { message: said, code } = error ?? {};
    if (typeof said !== "string" || said === "") return { message, isBody: true };
    return { message: typeof code === "string" ? `${said} (${code})` : said, isBody: true };
  } catch {
    return { message, isBody: false };
  }
}

function toldWaitMs(message: string): number | undefined {
  const [, value, unit] = TOLD_WAIT.exec(message) ?? [];
  return value === undefined ? undefined : Math.ceil(Number(value) * (unit === "ms" ? 1 : 1_000));
}

/**
 * The failure of a turn, from the message it failed with: the CLI tells nothing else.
 *
 * @param waitMs how long its provider last told it to wait
 */
export function failureOfTurn(told: string, waitMs: number | undefined): AgentFailure {
  const { message, isBody } = unwrapped(told);
  const retryAfterMs = toldWaitMs(message) ?? waitMs;
  const byWords = NO_SUCH_MODEL.test(message)
    ? "invalid_model"
    : BY_WORDS.find(([words]) => words.test(message))?.[1];
  if (byWords !== undefined) {
    const waits = byWords === "rate_limited" || byWords === "overloaded";
    return {
      code: byWords,
      message: message.slice(0, 2_000).toWellFormed(),
      retryable: isRetryableCode(byWords),
      ...(waits && retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  const status = STATUS.exec(message)?.[1];
  const failure = providerFailure({
    message: message.replace(IN_STREAM, ""),
    status: isBody ? 400 : status === undefined ? undefined : Number(status),
    retryAfterMs,
  });
  // What a provider said in the middle of an answer was no fault of the request.
  if (failure.code === "agent_failed" && IN_STREAM.test(message)) {
    return { ...failure, code: "provider_error", message, retryable: true };
  }
  return { ...failure, message: message.slice(0, 2_000).toWellFormed() };
}

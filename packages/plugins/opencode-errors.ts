import type { ErrorCode } from "@pitaya/protocol";
import { failureOfExit } from "./exit-failure.ts";
import type { ErrorLine } from "./opencode-lines.ts";
import type { AgentExit, AgentFailure } from "./plugin.port.ts";
import { providerFailure } from "./provider-failure.ts";

/** The CLI's names for what needs no status. */
const BY_NAME: ReadonlyMap<string | undefined, ErrorCode> = new Map([
  ["ContextOverflowError", "context_too_long"],
  ["ContentFilterError", "model_refused"],
  ["ProviderAuthError", "credentials_refused"],
  ["ProviderModelNotFoundError", "invalid_model"],
]);

const MAX_MESSAGE = 2_000;

const failure = (code: ErrorCode, message: string): AgentFailure => ({
  code,
  message: message.slice(0, MAX_MESSAGE).toWellFormed(),
  retryable: false,
});

function retryAfterMs(headers: Readonly<Record<string, unknown>> = {}): number | undefined {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  const ms = Number(headers["retry-after-ms"] ?? seconds * 1_000);
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER ? Math.ceil(ms) : undefined;
}

export function failureOfError({ error: { name, data } }: ErrorLine): AgentFailure {
  const message = data?.message || name || "it told of an error without a word";
  const code = BY_NAME.get(name);
  if (code !== undefined) return failure(code, message);
  const told = providerFailure({
    message,
    status: data?.statusCode,
    retryAfterMs: retryAfterMs(data?.responseHeaders),
  });
  // What the provider said beside its message may say more: OpenAI's code for an empty account.
  const more = /insufficient_quota/.test(data?.responseBody ?? "");
  return more ? failure("credentials_refused", message) : told;
}

const LIMITED = /rate.?limit|too many requests|quota|at capacity/i;

/** The failure of one request, as its log tells of it: without a status. */
export const failureOfLog = (message: string): AgentFailure =>
  providerFailure({ message, ...(LIMITED.test(message) && { status: 429 }) });

/** Why an answer that was the last one is no answer, where it is none. */
export function failureOfReason(reason: string): AgentFailure | undefined {
  if (reason === "stop") return undefined;
  if (reason === "content-filter") {
    return failure("model_refused", "the provider's content filter stopped the answer");
  }
  const why = reason === "length" ? "it was too long" : `the provider gave "${reason}"`;
  return failure("agent_failed", `its last answer was not finished: ${why}`);
}

const SESSION_UNKNOWN = /Session not found/;
/** It colours what it says on stderr, wherever that goes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
const COLOURS = /\u001b\[[0-9;]*m/g;

/** The failure of a run that ended without its last answer. */
export function failureOfEnd(exit: AgentExit, stderr: string, isUnopened: boolean): AgentFailure {
  const said = stderr.replace(COLOURS, "");
  return failureOfExit(exit, said, isUnopened || SESSION_UNKNOWN.test(said));
}

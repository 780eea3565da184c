import type { ErrorCode } from "@pitaya/protocol";
import { failureOfExit } from "./exit-failure.ts";
import type { Result } from "./gemini-lines.ts";
import type { AgentExit, AgentFailure } from "./plugin.port.ts";
import { providerFailure } from "./provider-failure.ts";

/** What is known of a run beside its result line. */
export interface GeminiTrouble {
  /** The name of the last error that the CLI wrote of on stderr. */
  readonly errorName: string | undefined;
  /** The last error line, which is all that tells of an answer with nothing in it. */
  readonly message: string | undefined;
}

/** The CLI's names for what its provider refused with; of a refusal it keeps the words alone. */
const STATUS_OF_NAME: Readonly<Record<string, number>> = {
  ModelNotFoundError: 404,
  RetryableQuotaError: 429,
  TerminalQuotaError: 429,
  ValidationRequiredError: 403,
};

const WRAPPED = /^\[API Error: ([\s\S]*?)\](?:\n|$)/;
const SUGGESTED_WAIT = /(?:Suggested retry after|Please retry in) (\d{1,7}(?:\.\d{1,9})?)s/;

/** The provider's own words and code, where the message is the body of its answer. */
function unwrapped(message: string): { message: string; status?: number } {
  const inner = WRAPPED.exec(message)?.[1] ?? message;
  if (!inner.startsWith("{")) return { message: inner };
  try {
    const { error } = JSON.parse(inner) as { error?: { code?: unknown; message?: unknown } };
    const { code, message: said } = error ?? {};
    return {
      message: typeof said === "string" && said !== "" ? said : inner,
      ...(typeof code === "number" && { status: code }),
    };
  } catch {
    return { message: inner };
  }
}

const MAX_MESSAGE = 2_000;

const BY_TYPE: ReadonlyMap<string | undefined, ErrorCode> = new Map([
  ["FatalTurnLimitedError", "max_turns"],
  ["FatalAuthenticationError", "credentials_refused"],
]);

/** The failure a result line tells of, or nothing. */
export function failureOfResult(result: Result, trouble: GeminiTrouble): AgentFailure | undefined {
  const { status, error } = result;
  if (status === "success") return undefined;
  const said = error?.message || trouble.message || `it ended with status ${status}`;
  const message = said.slice(0, MAX_MESSAGE).toWellFormed();
  const code = BY_TYPE.get(error?.type);
  if (code !== undefined) return { code, message, retryable: false };
  if (error === undefined) {
    const isEmpty = /empty response/.test(message);
    return { code: isEmpty ? "provider_error" : "agent_failed", message, retryable: isEmpty };
  }
  const inside = unwrapped(said);
  const wait = SUGGESTED_WAIT.exec(said)?.[1];
  return providerFailure({
    message: inside.message,
    status: inside.status ?? STATUS_OF_NAME[trouble.errorName ?? ""],
    ...(wait !== undefined && { retryAfterMs: Math.ceil(Number(wait) * 1_000) }),
  });
}

/** Exit codes of the CLI's own, where it ends before it has said anything. */
const NOT_AUTHENTICATED = 41;
const SESSION_UNKNOWN = /^Error resuming session/m;

/** What it writes on stderr in every run. */
const NOISE = /^(?:Warning: 256-color|YOLO mode is enabled|Ripgrep is not available|\[STARTUP\])/;

/** The failure of a run that ended without a result. */
export function failureOfEnd(exit: AgentExit, stderr: string, isUnopened: boolean): AgentFailure {
  const lines = stderr.split("\n").filter((line) => !NOISE.test(line));
  const said = lines.join("\n");
  const failure = failureOfExit(exit, said, isUnopened || SESSION_UNKNOWN.test(said));
  const isAuth = "exitCode" in exit && exit.exitCode === NOT_AUTHENTICATED;
  return isAuth ? { ...failure, code: "credentials_refused", retryable: false } : failure;
}

import type { ErrorCode } from "@pitaya/protocol";
import type { AgentExit, AgentFailure } from "./plugin.port.ts";

/** The program could not be started at all: what a shell and the engine exit with. */
const NOT_STARTED: ReadonlySet<number> = new Set([126, 127]);

/** No program does that to itself: another attempt may be left alone. */
const KILLED: ReadonlySet<string> = new Set(["KILL", "SIGKILL"]);

const MAX_MESSAGE = 2_000;

/**
 * The failure of an agent that ended without a result.
 *
 * @param isSessionLost it was to resume a session, and could not
 */
export function failureOfExit(
  exit: AgentExit,
  stderrTail: string,
  isSessionLost = false,
): AgentFailure {
  const said = stderrTail.trim();
  const because = said === "" ? "" : `: ${said}`;
  if ("signal" in exit) {
    const message = `it was ended by ${exit.signal} without a result${because}`;
    return failure("agent_failed", message, KILLED.has(exit.signal));
  }
  if (exit.exitCode === 0) return failure("no_result", `it exited without a result${because}`);
  const message = `it exited with status ${exit.exitCode}${because}`;
  if (NOT_STARTED.has(exit.exitCode)) return failure("image_unusable", message);
  return isSessionLost ? failure("session_lost", message, true) : failure("agent_failed", message);
}

const failure = (code: ErrorCode, message: string, retryable = false): AgentFailure => ({
  code,
  message: message.slice(0, MAX_MESSAGE).toWellFormed(),
  retryable,
});

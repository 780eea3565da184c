import type { AttemptAccount, ErrorRecord, FactOf, VerifyEnd } from "@pitaya/protocol";
import type { AgentEnd, AttemptContext } from "./attempt.ts";
import { silenceMs, stopError } from "./limits.rules.ts";

const OUT_OF_MEMORY: ErrorRecord = {
  code: "out_of_memory",
  message: "The agent's container used up its memory and a process in it was killed.",
  hint: "Raise runner.memory_limit.",
  retryable: false,
};

/** Why an agent that ended by itself did not succeed, from its exit and its own words. */
export function agentError(end: AgentEnd, wasEndedByUs: boolean): ErrorRecord | undefined {
  const { exit, failure } = end;
  const isFine =
    failure === undefined && exit.kind === "agent" && (exit.exitCode === 0 || wasEndedByUs);
  if (isFine) return undefined;
  if (exit.oomKilled) return OUT_OF_MEMORY;
  if (failure !== undefined) return failure;
  if (wasEndedByUs) return undefined;
  if (exit.kind === "container") {
    return {
      code: "agent_failed",
      message: `The container ended without a report (exit code ${exit.exitCode}): it was killed from outside, or the agent killed its wrapper.`,
      retryable: true,
    };
  }
  const how = exit.signal === undefined ? `exit code ${exit.exitCode}` : `signal ${exit.signal}`;
  return { code: "agent_failed", message: `The agent ended with ${how}.`, retryable: false };
}

/** What a check runs is an agent's: a result that only its report tells of is none. */
function forgeryOf({ errand, end, stop }: AttemptContext): ErrorRecord | undefined {
  if (errand.kind !== "verify" || stop !== undefined || end?.exit.kind !== "agent")
    return undefined;
  const { exitCode, containerCode } = end.exit;
  if (containerCode === undefined) return undefined;
  return {
    code: "agent_failed",
    message: `The check is said to have ended with ${exitCode}, but its container ended with ${containerCode}: what it ran has meddled with it, or the engine was restarted.`,
    retryable: true,
  };
}

/** Whether it is a check that ended, or ran out of its time: either way that is its result. */
function isChecked({ errand, end, stop }: AttemptContext): boolean {
  if (errand.kind !== "verify" || end === undefined || end.failure !== undefined) return false;
  return stop === undefined ? end.exit.kind === "agent" : stop.reason === "timeout";
}

/** What `timeout` ends with. */
const TIMED_OUT_CODE = 124;

function verifyEnd({ errand, end, stop }: AttemptContext): VerifyEnd | undefined {
  if (errand.kind !== "verify" || end === undefined) return undefined;
  const timedOut = stop?.reason === "timeout";
  const exitCode = timedOut ? TIMED_OUT_CODE : end.exit.exitCode;
  return { exitCode, timedOut, output: end.lastOutput };
}

/**
 * The one error an attempt ends with: our own reason first, then the agent's, then the harvest's. Of
 * an agent that was silent since its provider refused it, the refusal is the reason.
 */
export function attemptError(context: AttemptContext): ErrorRecord | undefined {
  const { stop, limits, end, error, harvested } = context;
  const isFine = isChecked(context);
  const stopped =
    stop && !isFine
      ? stopError(stop, { ...limits, stallTimeoutMs: silenceMs(context) })
      : undefined;
  const agent = end && !isFine ? agentError(end, stop !== undefined) : undefined;
  const forged = forgeryOf(context);
  const isRefused = stop?.reason === "stalled" && context.isRefused;
  const [first, ...others] = [
    ...(isRefused ? [agent, stopped] : [stopped, forged, agent]),
    ...[error, harvested?.error],
  ].filter((e) => e !== undefined);
  if (first === undefined || others.length === 0) return first;
  const alsoFailed = others.map(({ code, message }) => `${code}: ${message}`.slice(0, 500));
  return { ...first, details: { ...first.details, alsoFailed } };
}

/**
 * Whether its conversation is kept with its files, as far as that is known before the harvest: for a
 * later attempt, and as evidence where there will be none. Not where the session is what failed.
 */
export function endsWithSnapshot(context: AttemptContext): boolean {
  const error = attemptError(context);
  return error === undefined ? context.errand.keepsSession : error.code !== "session_lost";
}

function accountOf(context: AttemptContext): AttemptAccount {
  const { end, agentStartedAtMs, pausedAtMs, errand } = context;
  const agentMs =
    end === undefined || agentStartedAtMs === undefined
      ? 0
      : Math.max(0, Math.round((pausedAtMs ?? end.atMs) - agentStartedAtMs));
  // Where no agent is called nobody is paid, and that is known.
  const free = errand.kind === "agent" ? {} : { costUsd: 0 };
  return { ...free, ...end?.account, agentMs };
}

/** The least that can be told when the whole of it cannot be. */
export function bareEndingFact(context: AttemptContext): FactOf<"attempt.failed"> {
  const { code = "internal", message = "" } = context.error ?? {};
  return {
    type: "attempt.failed",
    error: {
      code,
      message: `How the attempt ended could not be told: ${message}`.slice(0, 4_000),
      retryable: false,
    },
    lastOutput: "",
    account: { agentMs: 0 },
    lfsObjectsMissing: 0,
  };
}

/** The attempt's last fact. Whatever was made is in it, whether it succeeded or not. */
export function endingFact(
  context: AttemptContext,
): FactOf<"attempt.succeeded"> | FactOf<"attempt.failed"> {
  const error = attemptError(context);
  const made = context.made ?? { lfsObjectsMissing: 0 };
  const account = accountOf(context);
  const { end, finalMessage, output, found } = context;
  if (error === undefined) {
    const { snapshot, ...work } = made;
    const verify = verifyEnd(context);
    return {
      type: "attempt.succeeded",
      uncommitted: made.work === undefined && made.patch !== undefined,
      forcedCommit: context.harvested?.forcedCommit ?? false,
      ...(finalMessage && { finalMessage }),
      ...(output && { output }),
      ...(snapshot && { session: { sessionId: snapshot.sessionId, session: snapshot.session } }),
      ...(verify && { verify }),
      ...(found && { read: found }),
      account,
      ...work,
    };
  }
  return {
    type: "attempt.failed",
    error,
    ...(end === undefined ? {} : { exitCode: end.exit.exitCode }),
    lastOutput: end?.lastOutput ?? context.lastOutput ?? "",
    account,
    ...made,
  };
}

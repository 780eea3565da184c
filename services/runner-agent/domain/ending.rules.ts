import type { AttemptAccount, ErrorRecord, FactOf } from "@pitaya/protocol";
import type { AgentEnd, AttemptContext } from "./attempt.ts";
import { stopError } from "./limits.rules.ts";

/** Why an agent that ended by itself did not succeed, from its exit and its own words. */
export function agentError(end: AgentEnd, wasEndedByUs: boolean): ErrorRecord | undefined {
  const { exit, failure } = end;
  if (exit.kind === "container" && exit.oomKilled) {
    return {
      code: "out_of_memory",
      message: "The container used up its memory and was killed.",
      hint: "Raise runner.memory_limit.",
      retryable: false,
    };
  }
  if (failure !== undefined) return failure;
  if (wasEndedByUs) return undefined;
  if (exit.kind === "container") {
    return {
      code: "agent_failed",
      message: `The container ended without a report (exit code ${exit.exitCode}): it was killed from outside, or the agent killed its wrapper.`,
      retryable: true,
    };
  }
  if (exit.exitCode === 0) return undefined;
  const how = exit.signal === undefined ? `exit code ${exit.exitCode}` : `signal ${exit.signal}`;
  return { code: "agent_failed", message: `The agent ended with ${how}.`, retryable: false };
}

/** The one error an attempt ends with: our own reason first, then the agent's, then the harvest's. */
export function attemptError(context: AttemptContext): ErrorRecord | undefined {
  const { stop, limits, end, error, harvested } = context;
  const stopped = stop && stopError(stop, limits);
  const agent = end && agentError(end, stop !== undefined);
  const [first, ...others] = [stopped, agent, error, harvested?.error].filter((e) => e !== undefined);
  if (first === undefined || others.length === 0) return first;
  const alsoFailed = others.map(({ code, message }) => `${code}: ${message}`.slice(0, 500));
  return { ...first, details: { ...first.details, alsoFailed } };
}

function accountOf({ end, agentStartedAtMs }: AttemptContext): AttemptAccount {
  const agentMs =
    end === undefined || agentStartedAtMs === undefined
      ? 0
      : Math.max(0, Math.round(end.atMs - agentStartedAtMs));
  return { ...end?.account, agentMs };
}

/** The attempt's last fact. Whatever was made is in it, whether it succeeded or not. */
export function endingFact(
  context: AttemptContext,
): FactOf<"attempt.succeeded"> | FactOf<"attempt.failed"> {
  const error = attemptError(context);
  const made = context.made ?? { lfsObjectsMissing: 0 };
  const account = accountOf(context);
  const { end, finalMessage } = context;
  if (error === undefined) {
    return {
      type: "attempt.succeeded",
      uncommitted: made.work === undefined && made.patch !== undefined,
      forcedCommit: context.harvested?.forcedCommit ?? false,
      ...(finalMessage === undefined ? {} : { finalMessage }),
      account,
      ...made,
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

import type { AgentExit, AgentResult } from "@pitaya/plugins";
import type { ContainerExit } from "../ports/executor.port.ts";
import type { AgentEnd, Stop } from "./attempt.ts";
import { FAILURE_HINTS } from "./failure-hints.rules.ts";
import { redactedLine } from "./session-redaction.rules.ts";

/** How the agent ended, as its plugin is told. */
export function agentExitOf(exit: ContainerExit, stop: Stop | undefined): AgentExit {
  if (stop !== undefined) return { signal: "TERM" };
  if (exit.kind === "container") return { signal: "KILL" };
  return exit.signal === undefined ? { exitCode: exit.exitCode } : { signal: exit.signal };
}

/** The wrapper's own end where its runner died before it had handed over the secrets. */
const UNSTARTED_CODE = 125;
const UNSTARTED = "pitaya: the runner left before the agent could be started";

/** Nothing of the agent ran, so nothing speaks against another attempt. */
const unstarted = (exit: ContainerExit, lastOutput: string): AgentResult["failure"] =>
  exit.kind === "agent" && exit.exitCode === UNSTARTED_CODE && lastOutput.includes(UNSTARTED)
    ? {
        code: "runner_lost",
        message: "The runner-agent was restarted before it had started the agent.",
        retryable: true,
      }
    : undefined;

const cut = (text: string, max: number) =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;

const count = (value: number | undefined) =>
  value === undefined || !Number.isFinite(value) || value < 0 ? undefined : Math.round(value);

/** The agent's end as it is kept: redacted, and in figures the wire can carry. */
export function agentEndOf(
  parts: {
    readonly atMs: number;
    readonly exit: ContainerExit;
    readonly result: AgentResult;
    readonly lastOutput: string;
  },
  redact: (text: string) => string,
): AgentEnd {
  const { atMs, exit, result, lastOutput } = parts;
  const { finalMessage, output, sessionId, usage, costUsd } = result;
  const failure = unstarted(exit, lastOutput) ?? result.failure;
  const turns = count(result.turns);
  const retryAfterMs = count(failure?.retryAfterMs);
  const hint = failure && FAILURE_HINTS[failure.code];
  return {
    atMs,
    exit,
    lastOutput,
    ...(failure === undefined
      ? {}
      : {
          failure: {
            code: failure.code,
            message: cut(redact(failure.message), 4_000),
            ...(hint !== undefined && { hint }),
            retryable: failure.retryable,
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          },
        }),
    ...(finalMessage === undefined ? {} : { finalMessage: redact(finalMessage) }),
    ...(output === undefined ? {} : { output: redactedLine(output, redact) }),
    account: {
      ...(usage === undefined ? {} : { usage }),
      ...(costUsd === undefined || !(costUsd >= 0) ? {} : { costUsd }),
      ...(turns === undefined ? {} : { turns }),
      ...(sessionId === undefined ? {} : { sessionId: cut(redact(sessionId), 200) }),
    },
  };
}

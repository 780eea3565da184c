import type { Outcome } from "@pitaya/protocol";
import { instanceResult, isoTime, metricsOf } from "./instance-result.ts";
import type { TextSource } from "./log-texts.ts";
import type { InstanceView } from "./run-view.ts";
import { roundUsd } from "./usd.ts";

/** The whole of an instance, for a file of its own. */
export function instanceDocument(row: InstanceView, textOf: TextSource, outcome?: Outcome) {
  const { finalMessage: message, verify } = row.succeeded ?? {};
  return {
    v: 1,
    ...instanceResult(row, outcome),
    final_message: message === undefined ? null : textOf(message),
    metrics: metricsOf(row),
    ...(verify && {
      verify: { exit_code: verify.exitCode, timed_out: verify.timedOut, output: verify.output },
    }),
    patch_kept: row.succeeded?.patch !== undefined,
    lfs_objects_missing: row.succeeded?.lfsObjectsMissing ?? 0,
    attempts: row.attempts.map((attempt) => ({
      attempt: attempt.attempt,
      runner: attempt.runner,
      container_name: attempt.container ?? null,
      placed_at: isoTime(attempt.placedAt),
      started_at: isoTime(attempt.startedAt),
      ended_at: isoTime(attempt.endedAt),
      ...attemptEnd(attempt.end),
    })),
  };
}

function attemptEnd(end: InstanceView["attempts"][number]["end"]) {
  if (end === undefined) return { end: null };
  if (end.type === "sealed") return { end: "sealed", reason: end.reason };
  const { costUsd, usage, turns, sessionId } = end.account;
  const account = {
    cost_usd: costUsd === undefined ? null : roundUsd(costUsd),
    input_tokens: usage?.inputTokens ?? null,
    output_tokens: usage?.outputTokens ?? null,
    turns: turns ?? null,
    session_id: sessionId ?? null,
  };
  if (end.type === "attempt.succeeded") return { end: "succeeded", ...account };
  const { error, exitCode, lastOutput } = end;
  return {
    end: "failed",
    ...account,
    error: error.message,
    error_code: error.code,
    exit_code: exitCode ?? null,
    last_output: lastOutput,
  };
}

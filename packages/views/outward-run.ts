import type { DecisionOf } from "@pitaya/protocol";
import type { TextSource } from "./log-texts.ts";
import { modelOfRun } from "./model-of-run.rules.ts";
import type { OutwardBody } from "./outward-body.ts";
import type { RunView } from "./run-view.ts";
import { spendOf } from "./spend.ts";
import { durationSecondsOf } from "./summary.ts";
import { roundUsd } from "./usd.ts";

export function runStarted(
  run: string,
  { spec }: DecisionOf<"run.submitted">,
  textOf: TextSource,
): OutwardBody {
  return {
    type: "run.started",
    payload: {
      run_id: run,
      strategy: spec.strategy.name,
      params: spec.strategy.params,
      runs: spec.executions,
      prompt: textOf(spec.prompt),
      repo_path: spec.repository.path,
      base_branch: spec.base.branch,
      base_commit: spec.base.commit,
      plugin: spec.agent.plugin,
      model: modelOfRun(spec),
    },
  };
}

export function runCompleted(run: string, view: RunView): OutwardBody {
  const spend = spendOf(view.instances.values());
  return {
    type: "run.completed",
    payload: {
      run_id: run,
      duration_seconds: durationSecondsOf(view) ?? 0,
      total_cost: roundUsd(spend.costUsd),
      cost_unknown: spend.costUnknown,
      total_tokens: spend.inputTokens + spend.outputTokens,
    },
  };
}

export const openExecutions = (view: RunView): readonly string[] =>
  [...view.executions.values()].flatMap((e) => (e.completedAt === undefined ? [e.execution] : []));

export function strategyStarted(execution: string, view: RunView, resumed: boolean): OutwardBody {
  const { name = "", params = {} } = view.spec?.strategy ?? {};
  return {
    type: "strategy.started",
    execution,
    payload: { name, params, ...(resumed ? { resumed } : {}) },
  };
}

export const strategyCancelled = (execution: string): OutwardBody => ({
  type: "strategy.completed",
  execution,
  payload: { status: "canceled", reason: "operator_interrupt", instances: [] },
});

export function strategyCompleted(entry: DecisionOf<"strategy.completed">): OutwardBody {
  const { execution, outcome, error } = entry;
  const reason = error?.message ?? outcome.reason;
  return {
    type: "strategy.completed",
    execution,
    payload: {
      status: outcome.status === "succeeded" ? "success" : "failed",
      ...(reason === undefined ? {} : { reason }),
      instances: outcome.instances,
      ...(outcome.chosen === undefined ? {} : { chosen: outcome.chosen }),
    },
  };
}

import { isReservedResult } from "@pitaya/protocol";
import { csv } from "./csv.ts";
import { instanceDocument } from "./instance-document.ts";
import { branchOf, type InstanceResult } from "./instance-result.ts";
import type { TextSource } from "./log-texts.ts";
import { type MetricsRow, metricsCsv } from "./metrics-series.ts";
import { modelOfRun } from "./model-of-run.rules.ts";
import { outcomeMetadata } from "./outcome-metadata.ts";
import type { RunView } from "./run-view.ts";
import { type Summary, summaryOf } from "./summary.ts";
import { summaryMarkdown } from "./summary-markdown.ts";

/** A file's path under the run's results, and what it holds: text, or a document to be written as JSON. */
export type ResultFile =
  | { readonly path: string; readonly text: string }
  | { readonly path: string; readonly document: object };

/**
 * Everything that `results/<run>/` holds, from the log alone: the same log, the same files.
 *
 * @param rows of {@link metricsSeries} over the same log
 */
export function resultFiles(
  view: RunView,
  textOf: TextSource,
  rows: readonly MetricsRow[],
): readonly ResultFile[] {
  const summary = summaryOf(view, textOf);
  const branches = summary.results.flatMap(({ imported_ref, branch_name }) =>
    imported_ref !== null && branch_name !== null ? [branch_name] : [],
  );
  return [
    { path: "summary.json", document: { v: 1, ...summary } },
    { path: "summary.md", text: summaryMarkdown(summary) },
    { path: "metadata.json", document: metadata(view, summary) },
    ...(branches.length === 0
      ? []
      : [{ path: "branches.txt", text: branches.map((name) => `${name}\n`).join("") }]),
    { path: "instance_metrics.csv", text: instanceMetrics(summary.results) },
    { path: "metrics.csv", text: metricsCsv(rows) },
    ...strategyOutput(view, summary),
    ...[...view.instances.values()].map((row) => ({
      path: `instances/${row.instance}.json`,
      document: instanceDocument(row, textOf, view.executions.get(row.execution)?.outcome),
    })),
    ...strategyFiles(view, textOf),
  ];
}

const METRICS = [
  "duration_seconds",
  "cost",
  "tokens",
  "input_tokens",
  "output_tokens",
  "commit_count",
  "lines_added",
  "lines_deleted",
  "has_changes",
] as const;

const instanceMetrics = (results: readonly InstanceResult[]): string =>
  csv(
    ["instance_id", "branch_name", "status", ...METRICS],
    results.map((result) => [
      result.instance_id.slice(0, 8),
      result.branch_name,
      result.status,
      ...METRICS.map((name) => result[name]),
    ]),
  );

function strategyOutput(view: RunView, summary: Summary): ResultFile[] {
  return Object.entries(summary.strategies).map(([id, strategy]) => {
    const { name, config, state, reason } = strategy;
    const outcome = view.executions.get(id)?.outcome;
    const counted = outcome?.instances ?? [];
    const results = counted.flatMap((instance) => {
      const row = view.instances.get(instance);
      if (row === undefined) return [];
      const said = outcomeMetadata(outcome, instance);
      const metadata = { ...said, instance_id: instance, key: row.key };
      return [{ branch_name: branchOf(row), success: row.state === "succeeded", metadata }];
    });
    const files = (outcome?.files ?? []).map(({ path }) => path);
    const told = { state, reason, chosen: strategy.chosen, metadata: strategy.metadata, files };
    const document = { strategy_id: id, strategy_name: name, config, ...told, results };
    return { path: `strategy_output/${fileName(name)}_${id}.json`, document };
  });
}

/** What strategies leave for the user, apart from each other, and in place of nothing of ours. */
function strategyFiles(view: RunView, textOf: TextSource): readonly ResultFile[] {
  const isApart = (view.spec?.executions ?? 1) > 1;
  return [...view.executions].flatMap(([id, { outcome }]) =>
    (outcome?.files ?? [])
      .map(({ path, text }) => ({ path: isApart ? `${id}/${path}` : path, text: textOf(text) }))
      .filter(({ path }) => !isReservedResult(path)),
  );
}

/** A strategy may be named by a path; a file is not. */
const fileName = (name: string): string =>
  name.replaceAll(/[^A-Za-z0-9._-]/g, "-").replaceAll(/^[-.]+/g, "") || "strategy";

function metadata(view: RunView, summary: Summary): object {
  const { spec } = view;
  if (spec === undefined) return {};
  return {
    v: 1,
    run: {
      run_id: spec.run,
      status: summary.status,
      submitted_at: spec.submittedAt,
      started_at: summary.started_at,
      completed_at: summary.completed_at,
      client: spec.client,
      repo_path: spec.repository.path,
      base_branch: spec.base.branch,
      base_commit: spec.base.commit,
      runs: spec.executions,
    },
    orchestrator: {
      max_parallel_instances: spec.maxParallel ?? "auto",
      max_parallel_startup: spec.maxStarting ?? "auto",
      randomize_queue_order: spec.randomQueue ?? false,
      retries: spec.retries,
      branch_namespace: spec.branchNaming,
      import_policy: spec.import.policy,
      import_conflict_policy: spec.import.conflict,
      skip_empty_import: spec.import.skipEmpty,
      allow_overwrite_protected_refs: spec.import.allowProtected,
    },
    runner: {
      docker_image: spec.agent.image,
      network_egress: spec.network,
      force_commit: spec.forceCommit,
      cpu_limit: spec.limits.cpus,
      memory_limit: spec.limits.memoryBytes,
      pids_limit: spec.limits.pids,
      disk_limit: spec.limits.diskBytes,
      start_timeout: spec.limits.startTimeoutMs / 1000,
      stall: spec.limits.stallTimeoutMs / 1000,
      timeout: spec.limits.timeoutMs / 1000,
    },
    defaults: {
      plugin_name: spec.agent.plugin,
      model: modelOfRun(spec),
      agent_cli_args: spec.agent.cliArgs,
    },
    strategies: summary.strategies,
    paths: { logs: `logs/${spec.run}`, results: `results/${spec.run}` },
    metrics: {
      duration_seconds: summary.duration_seconds,
      total_cost: summary.total_cost,
      cost_unknown: summary.cost_unknown,
      total_tokens: summary.total_tokens,
    },
    instances: summary.results.map(({ instance_id, key, status, branch_name }) => ({
      instance_id,
      key,
      status,
      branch_name,
    })),
  };
}

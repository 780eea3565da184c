import type { InstanceResult } from "./instance-result.ts";
import type { Summary } from "./summary.ts";

/** The summary as a page. */
export function summaryMarkdown(summary: Summary): string {
  const cost = `$${summary.total_cost.toFixed(4)}${
    summary.cost_unknown === 0 ? "" : ` and ${summary.cost_unknown} attempts of unknown cost`
  }`;
  return [
    `# ${summary.run_id}`,
    "",
    `- Status: ${summary.status}`,
    `- Strategy: ${text(summary.strategy)}`,
    `- Agent: ${text(summary.plugin)}${summary.model === null ? "" : `, ${text(summary.model)}`}`,
    `- Base: ${text(summary.base_branch)} at ${summary.base_commit}`,
    `- Started: ${summary.started_at ?? ""}`,
    `- Ended: ${summary.completed_at ?? ""}`,
    `- Instances: ${summary.completed_instances} of ${summary.total_instances} succeeded, ${summary.failed_instances} failed`,
    `- Cost: ${cost}`,
    `- Tokens: ${summary.total_tokens}`,
    ...(summary.error === null
      ? []
      : [`- Error: ${summary.error.code}: ${text(summary.error.message)}`]),
    ...Object.entries(summary.strategies).flatMap(outcomeLine),
    "",
    "## Prompt",
    "",
    ...summary.prompt.split("\n").map((line) => `> ${line}`),
    "",
    "## Instances",
    "",
    "| instance | status | branch | commits | lines | cost | error |",
    "|---|---|---|---|---|---|---|",
    ...summary.results.map(row),
    "",
  ].join("\n");
}

function outcomeLine([id, { state, reason, chosen }]: [
  string,
  Summary["strategies"][string],
]): string[] {
  if (reason === null && chosen === null) return [];
  const parts = [state, chosen === null ? "" : `chose ${chosen}`, reason ?? ""];
  return [`- Outcome of ${id}: ${text(parts.filter((part) => part !== "").join(", "))}`];
}

function row(result: InstanceResult): string {
  const status = result.uncommitted ? "succeeded, uncommitted" : result.status;
  const cells = [
    result.instance_id,
    status,
    result.branch_name ?? "",
    String(result.commit_count),
    `+${result.lines_added} -${result.lines_deleted}`,
    result.cost === null ? "unknown" : `$${result.cost.toFixed(4)}`,
    result.error === null ? "" : `${result.error_code}: ${result.error}`,
  ];
  return `| ${cells.map(text).join(" | ")} |`;
}

/** One line that breaks no table. */
const text = (value: string): string => value.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");

import { shortInstanceId } from "@pitaya/protocol";
import type { OutwardEvent, OutwardOf } from "@pitaya/views";
import { costText, countText, durationText } from "./amounts.rules.ts";
import { printable, shorten } from "./printable.rules.ts";
import { freedBy } from "./waiting.rules.ts";

const TEXT = 200;

/** Phases of `task.progress` that are steps of the agent, or as frequent. */
const STEPS: ReadonlySet<string> = new Set(["assistant", "tool_use", "tool_result", "system"]);

/**
 * The line that streaming output has for an event; `undefined` for none.
 *
 * @param verbose also the agents' steps
 */
export function streamingLine(event: OutwardEvent, verbose: boolean): string | undefined {
  const text = describe(event, verbose);
  if (text === undefined) return undefined;
  const who = "instance_id" in event.payload ? shortInstanceId(event.payload.instance_id) : "run";
  return `${event.ts.slice(11, 19)} ${who.padEnd(9)} ${text}`;
}

function describe(event: OutwardEvent, verbose: boolean): string | undefined {
  switch (event.type) {
    case "run.started":
      return `started ${event.run_id} strategy=${event.payload.strategy} plugin=${event.payload.plugin}${modelText(event.payload.model)}${otherModels(event.payload.params)} base=${printable(event.payload.base_branch)}`;
    case "run.stopping":
      return `${event.payload.mode === "cancel" ? "cancelling" : "interrupting"}: ${said(event.payload.reason)}`;
    case "run.interrupted":
      return `interrupted: ${said(event.payload.reason)}`;
    case "run.resumed":
      return event.payload.fresh ? "resumed, unfinished instances start over" : "resumed";
    case "run.completed":
      return `completed in ${durationText(event.payload.duration_seconds)}`;
    case "run.failed":
      return failure("failed", event.payload);
    case "run.cancelled":
      return "cancelled";
    case "strategy.started":
      return `strategy ${event.payload.name} ${event.strategy_execution_id} ${event.payload.resumed ? "resumed" : "started"}`;
    case "strategy.completed": {
      const { status, reason } = event.payload;
      return `strategy ${event.strategy_execution_id} ${status}${reason ? `: ${said(reason)}` : ""}`;
    }
    case "task.scheduled":
      return `queued key=${printable(event.payload.key)}${event.payload.branch_name ? ` branch=${printable(event.payload.branch_name)}` : ""}`;
    case "task.started":
      return `started attempt=${event.payload.attempt} runner=${event.payload.runner}${modelText(event.payload.model)}`;
    case "task.progress":
      return progressText(event.payload, verbose);
    case "task.retrying":
      return failure(
        `attempt ${event.payload.attempt} failed, trying again in ${durationText(event.payload.delay_seconds)}`,
        event.payload,
      );
    case "task.lost":
      return `attempt ${event.payload.attempt} lost with runner ${event.payload.runner} (${event.payload.reason}), placing it again`;
    case "task.waiting":
      return `waiting for credentials (${freedBy(event.run_id, event.payload.waiting_for)})`;
    case "task.completed":
      return completed(event.payload);
    case "task.failed":
      return failure("failed", event.payload);
    case "task.interrupted":
      return "interrupted";
    case "task.cancelled":
      return "cancelled";
    case "task.import_refused":
      return failure("branch not imported", event.payload);
    case "log.ignored":
      return verbose ? `ignored in the log: ${said(event.payload.reason)}` : undefined;
    case "run.summary":
      return undefined;
    default:
      return event satisfies never;
  }
}

const said = (text: string) => shorten(printable(text), TEXT);
const modelText = (model: string | null) => (model === null ? "" : ` model=${printable(model)}`);

/** Of stages and candidates that have models of their own, by the parameter that says so. */
const otherModels = (params: OutwardOf<"run.started">["payload"]["params"]): string =>
  Object.entries(params)
    .filter(([key]) => key === "models" || key.endsWith("_model"))
    .map(([key, value]) => ` ${printable(key)}=${said(String(value))}`)
    .join("");

function failure(
  what: string,
  payload: { readonly code: string; readonly message: string; readonly hint?: string | undefined },
): string {
  const hint = payload.hint === undefined ? "" : ` (${said(payload.hint)})`;
  return `${what}: ${payload.code}: ${said(payload.message)}${hint}`;
}

function progressText(
  payload: OutwardOf<"task.progress">["payload"],
  verbose: boolean,
): string | undefined {
  const { phase, activity, tool, tool_ok } = payload;
  if (STEPS.has(phase) && (!verbose || activity === undefined)) return undefined;
  const name =
    phase === "tool_result" ? `tool ${tool_ok ? "ok" : "error"}` : phase.replaceAll("_", " ");
  const parts = [name, tool === undefined ? "" : printable(tool), said(activity ?? "")];
  return parts.filter((part) => part !== "").join(" ");
}

function completed(payload: OutwardOf<"task.completed">["payload"]): string {
  const { artifact, metrics, verify } = payload;
  const parts = ["completed"];
  if (verify) parts.push(`check=${verify.timed_out ? "timeout" : verify.exit_code}`);
  else if (artifact.uncommitted) parts.push("with uncommitted changes");
  else if (!artifact.has_changes) parts.push("without changes");
  if (artifact.branch_final !== null) parts.push(`branch=${printable(artifact.branch_final)}`);
  if (metrics.commit_count > 0) {
    parts.push(`commits=${metrics.commit_count} +${metrics.lines_added} -${metrics.lines_deleted}`);
  }
  if (metrics.duration_seconds !== null)
    parts.push(`time=${durationText(metrics.duration_seconds)}`);
  parts.push(`cost=${costText(metrics.cost ?? 0, metrics.cost_unknown)}`);
  if (metrics.tokens > 0) parts.push(`tokens=${countText(metrics.tokens)}`);
  return parts.join(" ");
}

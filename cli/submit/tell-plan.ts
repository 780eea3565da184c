import type { Session } from "../session.ts";
import type { AgentChoice } from "./agent-choice.ts";
import { planText, runPlan } from "./run-plan.rules.ts";

/** `--dry-run`, where all that a run is checked for was checked. @returns the exit code */
export async function tellPlan(
  { settings, value, has, console }: Session,
  parts: Pick<Parameters<typeof runPlan>[0], "root" | "base" | "strategy" | "files"> & {
    readonly agent: AgentChoice;
  },
): Promise<number> {
  const isSized = settings.sources.get("orchestration.max_parallel_instances") === "flag";
  const plan = runPlan({
    ...parts,
    agents: [parts.agent.spec, ...parts.agent.others],
    settings: settings.values,
    parallel: isSized ? undefined : value("parallel"),
  });
  const isJson = has("json") || settings.values.output === "json";
  await console.result(isJson ? JSON.stringify({ v: 1, ...plan }) : planText(plan));
  return 0;
}

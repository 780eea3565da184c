import type { Base } from "@pitaya/git";
import type { AgentSpec } from "@pitaya/protocol";
import { printable } from "../output/printable.rules.ts";
import { PARALLEL, parallelOf } from "../settings/from-flags.rules.ts";
import type { Settings } from "../settings/schema.ts";
import { shownSetting } from "../settings/shown-setting.rules.ts";
import type { NamedFile } from "./named-files.ts";
import { LIMIT_KEYS } from "./run-spec.rules.ts";
import type { StrategyChoice } from "./strategy-choice.rules.ts";

/** What `--dry-run` prints: what a run would be made of, as far as it is known before it runs. */
export type RunPlan = Readonly<Record<string, unknown>>;

const EMBEDDED = "the embedded stack, on this machine";
/** Nothing of the user's own machine is ever among them. */
const MOUNTS = [
  "a volume of its own: workspace and home",
  "read-only: the agent's launcher and packs of the repository",
];

export function runPlan(parts: {
  readonly root: string;
  readonly base: Pick<Base, "name" | "commit">;
  readonly strategy: Pick<StrategyChoice, "spec" | "values" | "marked" | "code">;
  readonly agents: readonly AgentSpec[];
  readonly files: readonly Pick<NamedFile, "path">[];
  readonly settings: Settings;
  /** What `--parallel` says, where no number is given. */
  readonly parallel: string | undefined;
}): RunPlan {
  const { root, base, strategy, agents, files, settings } = parts;
  const limits = Object.values(LIMIT_KEYS).map((key) => [key, shownSetting(key, settings[key])]);
  return {
    where: serverOf(settings["nats.url"]) ?? EMBEDDED,
    repository: root,
    base: { name: base.name, commit: base.commit },
    strategy: strategy.spec.name,
    ...(strategy.code && { code: strategy.code.file }),
    params: strategy.values,
    executions: settings.runs,
    tasks: "as the strategy asks for them",
    agents: agents.map(({ plugin, model, image, cliArgs, provider, baseUrl, credentials }) => ({
      ...{ plugin, model: model ?? null, image, cli_args: cliArgs },
      ...{ provider: provider ?? null, base_url: baseUrl ?? null, credentials },
    })),
    limits: Object.fromEntries(limits),
    max_parallel: atOnce(parts.parallel) ?? settings["orchestration.max_parallel_instances"],
    network: settings["runner.network_egress"],
    network_allow: settings["runner.network_allow"],
    mounts: MOUNTS,
    files: files.map(({ path }) => path),
    branches: strategy.marked.flatMap(({ mark, value }) => (mark === "branch" ? [value] : [])),
    import: settings.import_policy,
  };
}

function atOnce(parallel: string | undefined): string | undefined {
  const asked = parallelOf(parallel);
  return asked === undefined ? undefined : `the slots there are, times ${PARALLEL[asked].share}`;
}

/** Without what may be a password. */
const serverOf = (url: string | undefined): string | undefined => url?.replace(/\/\/[^@/]*@/, "//");

/** One line for each thing; parameters, limits and agents one for each of them. */
export const planText = (plan: RunPlan): string => {
  const lines = Object.entries(plan).flatMap(([key, value]) =>
    wordsOf(value).map((text) => `${key.padEnd(13)}${printable(text)}`),
  );
  return [...lines, "nothing was started"].join("\n");
};

function wordsOf(value: unknown): readonly string[] {
  if (value === null || typeof value !== "object") return [String(value)];
  if (Array.isArray(value)) {
    return value.map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
  }
  return Object.entries(value).map(([name, held]) => `${name}: ${shownSetting(name, held)}`);
}

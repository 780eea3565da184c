import {
  DEFAULT_LIMITS,
  DEFAULT_SNAPSHOT_INTERVAL_MS,
  ImageReference,
  NetworkAllow,
  RedactionPatterns,
} from "@pitaya/protocol";
import { customPatterns, PatternError } from "@pitaya/redaction";
import { z } from "zod";
import { jsonOrText } from "./from-env.rules.ts";
import type { SettingKey } from "./keys.ts";

const flag = z.union([z.boolean(), z.stringbool()], "expected true or false");
const count = (min: number, max: number) =>
  z.coerce
    .number("expected a number")
    .int("expected a whole number")
    .min(min, `expected at least ${min}`)
    .max(max, `expected at most ${max}`);
const seconds = z.coerce
  .number("expected a number of seconds")
  .positive("expected more than 0 seconds")
  .max(2_000_000, "expected at most 2000000 seconds");
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, `expected one of ${values.join(", ")}`);
const text = z.string().min(1, "expected a text that is not empty");

const countOrAuto = z.union(
  [z.literal("auto"), count(1, 10_000)],
  "expected a whole number from 1, or auto",
);

/** A list, or as text: JSON, or entries with commas between. */
const listOf = (item: z.ZodType<string>, what: string) =>
  z.union([z.array(item), z.string()], what).transform((value, context): string[] => {
    if (typeof value !== "string") return value;
    const parsed = z.array(item).safeParse(listIn(value));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: "custom", message: what });
    return z.NEVER;
  });
const branches = listOf(text.max(200), "expected branches: a list, or names with commas");
const hosts = listOf(
  NetworkAllow.element,
  "expected hosts: a list, or with commas, each as host, host:port or *.host",
).pipe(NetworkAllow);

/** A list, or as text: JSON, or one pattern. */
const patterns = z
  .preprocess(
    (value) => (typeof value === "string" ? [jsonOrText(value)].flat() : value),
    RedactionPatterns,
  )
  .superRefine((sources, context) => {
    try {
      customPatterns(sources);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
    }
  });

function listIn(value: string): unknown {
  if (value.trimStart().startsWith("[")) return jsonOrText(value);
  const names = value.split(",").map((name) => name.trim());
  return names.filter((name) => name !== "");
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

/** `512m`, `4g`, or bytes. */
const anySize = z.union([z.int().positive(), z.string()]).transform((value, context): number => {
  if (typeof value === "number") return value;
  const [, number, unit] = /^(\d+(?:\.\d+)?)([bkmg]?)i?b?$/i.exec(value.trim()) ?? [];
  const factor = UNITS[unit?.toLowerCase() ?? "-"];
  const bytes = factor === undefined ? 0 : Math.floor(Number(number) * factor);
  if (bytes > 0) return bytes;
  context.addIssue({ code: "custom", message: "expected a size such as 512m or 4g, or bytes" });
  return z.NEVER;
});
const size = (minMiB: number) =>
  anySize.refine((bytes) => bytes >= minMiB * 1024 ** 2, `expected at least ${minMiB}m`);

/**
 * Every setting with its type and default: the one place that has them. Values come as text from
 * flags and environment, typed from files. A setting without a default may be left unset.
 */
export const Settings = z.object({
  model: text
    .max(200)
    .optional()
    .describe("Model of the agent. Without it, the plugin's own default."),
  plugin_name: text
    .max(64)
    .default("claude-code")
    .describe("Which agent CLI does the work: a built-in plugin, or one of `plugins`."),
  strategy: text.max(200).default("simple").describe("Strategy to run."),
  runs: count(1, 1_000)
    .default(1)
    .describe("How often the strategy is run, each with branches of its own."),
  output: oneOf(["streaming", "json", "quiet"])
    .default("streaming")
    .describe("Form of the output where nobody sits at a terminal."),
  logs_dir: text
    .default(".pitaya/logs")
    .describe("Where event logs go; a relative path begins at the root of the repository."),
  results_dir: text
    .default(".pitaya/results")
    .describe("Where results go; a relative path begins at the root of the repository."),
  import_policy: oneOf(["auto", "never", "always"])
    .default("auto")
    .describe(
      "Which branches come into the repository by themselves: those with work on them, none, or all.",
    ),
  import_conflict_policy: oneOf(["fail", "overwrite", "suffix"])
    .default("fail")
    .describe("What happens where a branch of that name stands at another commit."),
  skip_empty_import: flag
    .default(true)
    .describe("An instance that committed nothing gets no branch."),
  "runner.timeout": seconds
    .default(DEFAULT_LIMITS.timeoutMs / 1000)
    .describe("Longest time for an agent, in seconds."),
  "runner.start_timeout": seconds
    .default(DEFAULT_LIMITS.startTimeoutMs / 1000)
    .describe("Longest time from a runner's claim to the agent's start, in seconds."),
  "runner.stall": seconds
    .default(DEFAULT_LIMITS.stallTimeoutMs / 1000)
    .describe("Longest time without output while the agent is idle, in seconds."),
  // The least of each that an engine takes, or with which wrapper, git and an agent can start at all.
  "runner.cpu_limit": z.coerce
    .number("expected a number of cores")
    .min(0.01, "expected at least 0.01 cores")
    .default(DEFAULT_LIMITS.cpus)
    .describe("CPU cores of an instance; 0.5 is half a core."),
  "runner.memory_limit": size(64)
    .default(DEFAULT_LIMITS.memoryBytes)
    .describe("Memory of an instance: 512m, 4g, or bytes."),
  "runner.pids_limit": count(32, 4_194_304)
    .default(DEFAULT_LIMITS.pids)
    .describe("Processes and threads of an instance."),
  "runner.disk_limit": size(16)
    .default(DEFAULT_LIMITS.diskBytes)
    .describe("What an instance may write: 512m, 4g, or bytes."),
  "runner.network_egress": oneOf(["online", "offline", "proxy"])
    .default("online")
    .describe(
      "What an instance reaches of the network: all but its host; nothing; or through the runner's gateway its provider and `runner.network_allow`.",
    ),
  "runner.network_allow": hosts
    .default([])
    .describe(
      "Hosts that `proxy` lets pass beside the provider: `host`, `host:port`, `*.host`. Without a port: 443 and 80. An address of a private network only as itself.",
    ),
  "runner.extra_ca": text
    .max(4_096)
    .optional()
    .describe(
      "File with certificates (PEM) that agents believe beside the usual ones; a relative path begins at the root of the repository.",
    ),
  "runner.docker_image": ImageReference.optional().describe(
    "Image the agent runs in. Without it, the plugin's own.",
  ),
  "runner.force_commit": flag.default(false).describe("Commit what the agent left uncommitted."),
  "runner.commit_instruction": z
    .string()
    .max(8_192)
    .optional()
    .describe("What the agent is told about committing; empty switches it off."),
  "runner.git_name": text.max(200).default("Pitaya Agent").describe("Name on the agents' commits."),
  "runner.git_email": text
    .max(200)
    .default("agent@pitaya.local")
    .describe("Address on the agents' commits."),
  "runner.include_branches": branches
    .optional()
    .describe("Branches that agents see beside the base."),
  "orchestration.max_parallel_instances": countOrAuto
    .default("auto")
    .describe("Instances of a run that may be at work at once; auto: as many as there are slots."),
  "orchestration.max_parallel_startup": countOrAuto
    .default("auto")
    .describe(
      "How many of these may be between placement and the start of the agent at once; auto: 10 where max_parallel_instances is a number above that, otherwise all.",
    ),
  "orchestration.randomize_queue_order": flag
    .default(false)
    .describe(
      "Start waiting instances in an order drawn by the run's id, not in the order they were asked for.",
    ),
  "orchestration.branch_namespace": oneOf(["hierarchical", "flat"])
    .default("hierarchical")
    .describe(
      "How branches are named: `pitaya/<strategy>/<run>/k<8>` or `pitaya-<strategy>-<run>-k<8>`.",
    ),
  "orchestration.allow_overwrite_protected_refs": flag
    .default(false)
    .describe("Let an import overwrite branches that are protected."),
  "orchestration.retries": count(0, 20)
    .default(2)
    .describe("Attempts after the first, where another may succeed."),
  "orchestration.snapshot_interval": seconds
    .default(DEFAULT_SNAPSHOT_INTERVAL_MS / 1000)
    .describe("Seconds between two snapshots of an agent's work."),
  "coordinator.allow_custom_code": flag
    .default(true)
    .describe("Whether strategies of one's own are run; false refuses `--strategy ./file.ts`."),
  "logging.console_verbose": flag
    .default(false)
    .describe("Also the agents' steps, in output as lines."),
  "logging.redaction.custom_patterns": patterns
    .default([])
    .describe(
      "Regular expressions of your own for what is taken out of all that is kept or shown.",
    ),
  "nats.url": text.optional().describe("Server to use instead of the embedded stack."),
  "nats.creds": text.optional().describe("File with the credential for that server."),
} satisfies Record<SettingKey, z.ZodType>);
export type Settings = z.output<typeof Settings>;

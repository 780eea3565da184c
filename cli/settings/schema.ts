import { DEFAULT_LIMITS, DEFAULT_SNAPSHOT_INTERVAL_MS, ImageReference } from "@pitaya/protocol";
import { z } from "zod";
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
  model: text.max(200).optional(),
  plugin_name: text.max(64).default("claude-code"),
  strategy: text.max(200).default("simple"),
  runs: count(1, 1_000).default(1),
  output: oneOf(["streaming", "json", "quiet"]).default("streaming"),
  logs_dir: text.default(".pitaya/logs"),
  results_dir: text.default(".pitaya/results"),
  import_policy: oneOf(["auto", "never", "always"]).default("auto"),
  import_conflict_policy: oneOf(["fail", "overwrite", "suffix"]).default("fail"),
  skip_empty_import: flag.default(true),
  "runner.timeout": seconds.default(DEFAULT_LIMITS.timeoutMs / 1000),
  "runner.start_timeout": seconds.default(DEFAULT_LIMITS.startTimeoutMs / 1000),
  "runner.stall": seconds.default(DEFAULT_LIMITS.stallTimeoutMs / 1000),
  // The least of each that an engine takes, or with which wrapper, git and an agent can start at all.
  "runner.cpu_limit": z.coerce
    .number("expected a number of cores")
    .min(0.01, "expected at least 0.01 cores")
    .default(DEFAULT_LIMITS.cpus),
  "runner.memory_limit": size(64).default(DEFAULT_LIMITS.memoryBytes),
  "runner.pids_limit": count(32, 4_194_304).default(DEFAULT_LIMITS.pids),
  "runner.disk_limit": size(16).default(DEFAULT_LIMITS.diskBytes),
  "runner.network_egress": oneOf(["online", "offline"]).default("online"),
  "runner.docker_image": ImageReference.optional(),
  "runner.force_commit": flag.default(false),
  /** Empty switches it off; unset, the plugin's own words are used. */
  "runner.commit_instruction": z.string().max(8_192).optional(),
  "runner.git_name": text.max(200).default("Pitaya Agent"),
  "runner.git_email": text.max(200).default("agent@pitaya.local"),
  "orchestration.max_parallel_instances": z
    .union([z.literal("auto"), count(1, 10_000)], "expected a whole number from 1, or auto")
    .default("auto"),
  "orchestration.branch_namespace": oneOf(["hierarchical", "flat"]).default("hierarchical"),
  "orchestration.allow_overwrite_protected_refs": flag.default(false),
  "orchestration.retries": count(0, 20).default(2),
  "orchestration.snapshot_interval": seconds.default(DEFAULT_SNAPSHOT_INTERVAL_MS / 1000),
  "nats.url": text.optional(),
  "nats.creds": text.optional(),
} satisfies Record<SettingKey, z.ZodType>);
export type Settings = z.output<typeof Settings>;

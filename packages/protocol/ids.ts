import { createHash } from "node:crypto";
import { z } from "zod";

/** `run_<UTC yyyymmdd_hhmmss>_<8 hex>`: sorts by time, safe in a subject, a file and a branch name. */
export const RunId = z
  .string()
  .regex(/^run_\d{8}_\d{6}_[0-9a-f]{8}$/, "expected run_<yyyymmdd_hhmmss>_<8 hex>")
  .brand<"RunId">();
export type RunId = z.infer<typeof RunId>;

/** First 16 hex of sha256 over run, strategy execution and key. */
export const InstanceId = z
  .string()
  .regex(/^[0-9a-f]{16}$/, "expected 16 hex digits")
  .brand<"InstanceId">();
export type InstanceId = z.infer<typeof InstanceId>;

/** Names of processes as their credentials give them: runners, coordinators, clients, blob writers. */
export const ProcessId = z
  .string()
  .regex(/^[a-z0-9-]{1,63}$/, "expected 1 to 63 of a-z, 0-9 and -")
  .brand<"ProcessId">();
export type ProcessId = z.infer<typeof ProcessId>;

/** `s1`, `s2`, …: one execution of the strategy inside a run. */
export const ExecutionId = z
  .string()
  .regex(/^s[1-9]\d{0,3}$/, "expected s1, s2, …")
  .brand<"ExecutionId">();
export type ExecutionId = z.infer<typeof ExecutionId>;

/** Names a task inside its strategy execution. */
export const TaskKey = z
  .string()
  .min(1)
  .max(200)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  .regex(/^[^\u0000-\u001f\u007f]*$/, "a key has no control characters");

/** 1 for the first try at an instance on one runner. */
export const AttemptNumber = z.int().positive().max(1_000_000);

/** A git commit of either object format. */
export const Commit = z
  .string()
  .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "expected a full commit id");

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hex digits");

/** A point in time on the sender's clock, ISO 8601 UTC with milliseconds. For people; never compared. */
export const Timestamp = z.iso.datetime();

/** @param random 8 hex digits */
export function makeRunId(now: Date, random: string): RunId {
  const [date = "", time = ""] = now.toISOString().split("T");
  const stamp = `${date.replaceAll("-", "")}_${time.slice(0, 8).replaceAll(":", "")}`;
  return RunId.parse(`run_${stamp}_${random}`);
}

export const executionId = (number: number): ExecutionId => ExecutionId.parse(`s${number}`);

export function instanceId(run: string, execution: string, key: string): InstanceId {
  const digest = createHash("sha256").update(`${run}\n${execution}\n${key}`).digest("hex");
  return digest.slice(0, 16) as InstanceId;
}

/** `k` and the first 8 hex of the instance's id: what people and branch names call it. */
export const shortInstanceId = (instance: string): string => `k${instance.slice(0, 8)}`;

/**
 * The branch an instance's work is imported as. `taken` holds the branch names of the run so far:
 * where 8 hex are taken, all 16 are used.
 */
export function branchName(
  naming: "hierarchical" | "flat",
  strategy: string,
  run: string,
  instance: string,
  taken: ReadonlySet<string> = new Set(),
): string {
  const short = runBranch(naming, strategy, run, shortInstanceId(instance));
  return taken.has(short) ? runBranch(naming, strategy, run, `k${instance}`) : short;
}

/**
 * The second name of the branch that a strategy execution chose.
 *
 * @param executions how many the run has
 */
export function bestBranchName(
  naming: "hierarchical" | "flat",
  strategy: string,
  run: string,
  execution: string,
  executions: number,
): string {
  return runBranch(naming, strategy, run, executions === 1 ? "best" : `best-${execution.slice(1)}`);
}

function runBranch(
  naming: "hierarchical" | "flat",
  strategy: string,
  run: string,
  last: string,
): string {
  // What git refuses in a name: other characters, two dots in a row, `.lock` at the end of a part.
  const segment = strategy
    .replaceAll(/[^A-Za-z0-9._-]|\.{2,}/g, "-")
    .slice(0, 60)
    .replaceAll(/^[-._]+|[-._]+$/g, "")
    .replace(/\.lock$/, "-lock");
  return ["pitaya", segment || "custom", run, last].join(naming === "flat" ? "-" : "/");
}

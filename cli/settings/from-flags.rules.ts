import { PitayaError } from "@pitaya/protocol";
import { FLAG_NAMES, flagSpec } from "../command-line/flags.ts";
import type { Invocation } from "../command-line/parse.rules.ts";
import type { SettingKey } from "./keys.ts";
import type { Given, Layer } from "./layers.ts";

/** What `--parallel` stands for; `share` of the slots there are. */
export const PARALLEL = {
  conservative: { cpus: 1, memory: "2g", share: 0.5 },
  balanced: { cpus: 2, memory: "4g", share: 1 },
  aggressive: { cpus: 3, memory: "6g", share: 2 },
} as const;

export type Parallel = keyof typeof PARALLEL;

/** @throws {PitayaError} `usage` */
export function parallelOf(given: string | undefined): Parallel | undefined {
  if (given === undefined || Object.hasOwn(PARALLEL, given)) return given as Parallel | undefined;
  const known = Object.keys(PARALLEL).join(", ");
  throw new PitayaError("usage", `--parallel: expected one of ${known}, not "${given}"`);
}

/** Settings that this command line gives. A flag of their own goes before what `--parallel` says. */
export function flagLayer({ flags, command }: Pick<Invocation, "flags" | "command">): Layer {
  const values = new Map<SettingKey, Given>();
  const parallel = parallelOf(flags.get("parallel")?.at(-1));
  if (parallel !== undefined) {
    const { cpus, memory } = PARALLEL[parallel];
    values.set("runner.cpu_limit", { value: cpus, as: "--parallel" });
    values.set("runner.memory_limit", { value: memory, as: "--parallel" });
  }
  for (const name of FLAG_NAMES) {
    const { setting } = flagSpec(name);
    const value = flags.get(name)?.at(-1);
    if (setting !== undefined && value !== undefined)
      values.set(setting, { value, as: `--${name}` });
  }
  const showsARun = command === "run" || command === "attach" || command === "resume";
  if (showsARun && flags.has("json")) values.set("output", { value: "json", as: "--json" });
  return { source: "flag", values };
}

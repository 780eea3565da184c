import { PitayaError, type RunOverride, type TaskLimits } from "@pitaya/protocol";
import type { FlagName } from "../command-line/flags.ts";
import type { SettingKey } from "../settings/keys.ts";
import { isToldHere, type Resolved } from "../settings/resolve.rules.ts";
import { LIMIT_KEYS, taskLimits } from "./run-spec.rules.ts";

type CountKey = "orchestration.max_parallel_instances" | "orchestration.max_parallel_startup";

/**
 * What of a run's settings this invocation gives, by flag or environment: laid over the run by
 * `resume --override-config`. Provider address and credentials are not settings, and apart.
 *
 * @throws {PitayaError} `usage`
 */
export function settingsOverride(settings: Resolved): RunOverride {
  const { values } = settings;
  const isGiven = (key: SettingKey) => isToldHere(settings, key);
  const whole = taskLimits(values);
  const limits = Object.fromEntries(
    (Object.keys(LIMIT_KEYS) as (keyof TaskLimits)[])
      .filter((name) => isGiven(LIMIT_KEYS[name]))
      .map((name) => [name, whole[name]]),
  );
  const numberOf = (key: CountKey, flag: FlagName): number | undefined => {
    if (!isGiven(key)) return undefined;
    const value = values[key];
    if (value !== "auto") return value;
    throw new PitayaError("usage", `a run that is resumed takes a number for --${flag}`, {
      hint: "Without it the run keeps what it has.",
    });
  };
  const maxParallel = numberOf("orchestration.max_parallel_instances", "max-parallel");
  const maxStarting = numberOf("orchestration.max_parallel_startup", "max-startup-parallel");
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(isGiven("runner.network_egress") && { network: values["runner.network_egress"] }),
    ...(isGiven("runner.network_allow") && { networkAllow: values["runner.network_allow"] }),
    ...(isGiven("orchestration.retries") && { retries: values["orchestration.retries"] }),
    ...(maxParallel !== undefined && { maxParallel }),
    ...(maxStarting !== undefined && { maxStarting }),
  };
}

import { SETTING_KEYS, type SettingKey } from "./keys.ts";
import type { Given, Layer } from "./resolve.rules.ts";

/** Variables with a shorter name of their own. */
const SHORT: Readonly<Partial<Record<SettingKey, string>>> = {
  "nats.url": "PITAYA_NATS_URL",
};

/** `runner.timeout` is `PITAYA_RUNNER__TIMEOUT`: levels by two underscores, dashes as one. */
const longName = (key: SettingKey): string =>
  `PITAYA_${key.replaceAll(".", "__").replaceAll("-", "_").toUpperCase()}`;

/** Settings of one invocation alone, which only a flag gives. */
const FLAG_ONLY: ReadonlySet<SettingKey> = new Set(["runs", "output"]);

/** Settings that the environment gives. An empty variable is as good as none. */
export function environmentLayer(env: Readonly<NodeJS.ProcessEnv>): Layer {
  const values = new Map<SettingKey, Given>();
  for (const key of SETTING_KEYS) {
    if (FLAG_ONLY.has(key)) continue;
    for (const name of [SHORT[key], longName(key)]) {
      const value = name === undefined ? undefined : env[name];
      if (name !== undefined && value !== undefined && value !== "") {
        values.set(key, { value, as: name });
        break;
      }
    }
  }
  return { source: "env", values };
}

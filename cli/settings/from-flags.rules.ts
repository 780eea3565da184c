import { FLAG_NAMES, flagSpec } from "../command-line/flags.ts";
import type { Invocation } from "../command-line/parse.rules.ts";
import type { SettingKey } from "./keys.ts";
import type { Given, Layer } from "./layers.ts";

/** Settings that this command line gives. */
export function flagLayer({ flags, command }: Pick<Invocation, "flags" | "command">): Layer {
  const values = new Map<SettingKey, Given>();
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

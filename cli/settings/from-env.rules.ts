import { SETTING_KEYS, type SettingKey } from "./keys.ts";
import type { ConfigKey, Given } from "./layers.ts";

/** Variables with a shorter name of their own. */
const SHORT: Readonly<Partial<Record<SettingKey, string>>> = {
  "nats.url": "PITAYA_NATS_URL",
};

/** `runner.timeout` is `PITAYA_RUNNER__TIMEOUT`: levels by two underscores, dashes as one. */
const longName = (key: SettingKey): string =>
  `PITAYA_${key.replaceAll(".", "__").replaceAll("-", "_").toUpperCase()}`;

/** Settings of one invocation alone, which only a flag gives. */
export const FLAG_ONLY: ReadonlySet<SettingKey> = new Set(["runs", "output"]);

/** Names of the variable that gives a setting, the one to tell people first. */
export const variablesOf = (key: SettingKey): readonly string[] =>
  FLAG_ONLY.has(key) ? [] : [SHORT[key], longName(key)].filter((name) => name !== undefined);

const NAMES: ReadonlyMap<string, SettingKey> = new Map(
  SETTING_KEYS.flatMap((key) => variablesOf(key).map((name) => [name, key] as const)),
);
export const VARIABLE_NAMES: readonly string[] = [...NAMES.keys()];

/**
 * Settings that variables give, those of strategies and plugins too. An empty variable is as good as
 * none.
 *
 * @param as how a variable is called in messages
 */
export function variableValues(
  variables: Readonly<Record<string, string | undefined>>,
  as: (name: string) => Pick<Given, "as" | "line">,
): ReadonlyMap<ConfigKey, Given> {
  const values = new Map<ConfigKey, Given>();
  for (const key of SETTING_KEYS) {
    for (const name of variablesOf(key)) {
      const value = variables[name];
      if (value !== undefined && value !== "") {
        values.set(key, { value, ...as(name) });
        break;
      }
    }
  }
  const plugins = new Map<string, { value: Record<string, unknown>; first: string }>();
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined || value === "") continue;
    const [, kind, of = "", what] =
      /^PITAYA_(STRATEGIES|PLUGINS)__(.+?)(?:__(.+))?$/.exec(name) ?? [];
    const owner = of.toLowerCase().replaceAll("_", "-");
    if (kind === "STRATEGIES" && what !== undefined) {
      const key = `strategies.${owner}.${what.toLowerCase()}` as const;
      values.set(key, { value: jsonOrText(value), ...as(name) });
    } else if (kind === "PLUGINS") {
      const known = plugins.get(owner) ?? { value: {}, first: name };
      const more =
        what === undefined ? jsonOrText(value) : { [what.toLowerCase()]: jsonOrText(value) };
      if (typeof more === "object") Object.assign(known.value, more);
      plugins.set(owner, known);
    }
  }
  for (const [owner, { value, first }] of plugins) {
    values.set(`plugins.${owner}`, { value, ...as(first) });
  }
  return values;
}

/** JSON where it parses as JSON, otherwise text. */
export function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

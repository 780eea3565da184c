import { PitayaError, PluginDeclaration } from "@pitaya/protocol";
import type { z } from "zod";
import { printable } from "../output/printable.rules.ts";
import { SETTING_KEYS, type SettingKey } from "./keys.ts";
import {
  type ConfigKey,
  type Given,
  isPluginKey,
  isStrategyKey,
  type Layer,
  type PluginKey,
  type Source,
} from "./layers.ts";
import { Settings } from "./schema.ts";

/** The value that holds for a key, and where it comes from. */
export interface Chosen extends Given {
  readonly layer: Layer;
}

export interface Resolved {
  readonly values: Settings;
  readonly sources: ReadonlyMap<SettingKey, Source>;
  /** Every value that was given and holds, whatever its kind. */
  readonly chosen: ReadonlyMap<ConfigKey, Chosen>;
  /** Declared plugins, by name. */
  readonly plugins: ReadonlyMap<string, PluginDeclaration>;
}

/**
 * Lays the layers over the defaults, key by key.
 *
 * @param layers the first one holds first
 * @throws {PitayaError} `usage` naming each wrong value by the place it was written in
 */
export function resolveSettings(layers: readonly Layer[]): Resolved {
  const chosen = new Map<ConfigKey, Chosen>();
  for (const layer of layers.toReversed()) {
    for (const [key, given] of layer.values) chosen.set(key, { ...given, layer });
  }
  const keys = [...chosen].filter(([key]) => !isStrategyKey(key) && !isPluginKey(key));
  const parsed = Settings.safeParse(
    Object.fromEntries(keys.map(([key, { value }]) => [key, value])),
  );
  const { plugins, problems } = pluginsIn(chosen);
  for (const issue of parsed.error?.issues ?? []) {
    const given = chosen.get(issue.path[0] as SettingKey);
    problems.push(
      `${given?.as ?? String(issue.path[0])}: ${issue.message}, not ${shownValue(given?.value)}`,
    );
  }
  if (problems.length > 0 || !parsed.success) {
    throw new PitayaError("usage", [...new Set(problems.map(printable))].join("\n  "), {
      hint: "See `pitaya --help`, and docs/configuration.md.",
    });
  }
  const sources = SETTING_KEYS.map(
    (key) => [key, chosen.get(key)?.layer.source ?? "default"] as const,
  );
  return { values: parsed.data, sources: new Map(sources), chosen, plugins };
}

/** Whether this very command was told it, by flag or environment, and no file alone. */
export const isToldHere = ({ sources }: Pick<Resolved, "sources">, key: SettingKey): boolean =>
  sources.get(key) === "flag" || sources.get(key) === "env";

const shownValue = (value: unknown): string => JSON.stringify(value)?.slice(0, 200) ?? "nothing";

function pluginsIn(chosen: ReadonlyMap<ConfigKey, Chosen>) {
  const plugins = new Map<string, PluginDeclaration>();
  const problems: string[] = [];
  for (const [key, given] of chosen) {
    if (!isPluginKey(key)) continue;
    const parsed = PluginDeclaration.safeParse(inOurSpelling(given.value));
    if (parsed.success) plugins.set(pluginName(key), parsed.data);
    else problems.push(...parsed.error.issues.map((issue) => pluginProblem(key, given, issue)));
  }
  return { plugins, problems };
}

export const pluginName = (key: PluginKey): string => key.slice("plugins.".length);

/** Files spell keys with underscores, messages do not. */
function inOurSpelling(value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, held]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      held,
    ]),
  );
}

export const fileSpelling = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function pluginProblem(key: PluginKey, given: Chosen, issue: z.core.$ZodIssue): string {
  const [field, ...inner] = issue.path.map(String);
  // What stands in a field is named by the user.
  const path = field === undefined ? [] : [fileSpelling(field), ...inner];
  const line = given.lines?.get(path.join(".")) ?? given.lines?.get(path[0] ?? "");
  const { file } = given.layer;
  const where =
    file !== undefined && line !== undefined ? `${file.shown}:${line}: ${key}` : given.as;
  const known = Object.keys(PluginDeclaration.shape).map(fileSpelling).join(", ");
  const more = issue.code === "unrecognized_keys" ? `; a plugin has ${known}` : "";
  const at = path.length === 0 ? "" : `${path.join(".")}: `;
  return `${where}: ${at}${issue.message}${more}`;
}

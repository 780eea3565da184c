import { PitayaError } from "@pitaya/protocol";
import { SETTING_KEYS, type SettingKey } from "./keys.ts";
import { Settings } from "./schema.ts";

/** Where a value can come from, what holds first. Files take their places between as they come. */
export type Source = "flag" | "env" | "default";

export interface Given {
  readonly value: unknown;
  /** How it was written down, for messages: `--timeout`, `PITAYA_MODEL`. */
  readonly as: string;
}

export interface Layer {
  readonly source: Exclude<Source, "default">;
  readonly values: ReadonlyMap<SettingKey, Given>;
}

export interface Resolved {
  readonly values: Settings;
  readonly sources: ReadonlyMap<SettingKey, Source>;
}

/**
 * Lays the layers over the defaults, key by key.
 *
 * @param layers the first one holds first
 * @throws {PitayaError} `usage` naming each wrong value by the place it was written in
 */
export function resolveSettings(layers: readonly Layer[]): Resolved {
  const chosen = new Map<SettingKey, Given & { readonly source: Source }>();
  for (const { source, values } of layers.toReversed()) {
    for (const [key, given] of values) chosen.set(key, { ...given, source });
  }
  const input = Object.fromEntries([...chosen].map(([key, { value }]) => [key, value]));
  const parsed = Settings.safeParse(input);
  if (parsed.success) {
    const sources = SETTING_KEYS.map((key) => [key, chosen.get(key)?.source ?? "default"] as const);
    return { values: parsed.data, sources: new Map(sources) };
  }
  const problems = parsed.error.issues.map((issue) => {
    const given = chosen.get(issue.path[0] as SettingKey);
    return `${given?.as ?? String(issue.path[0])}: ${issue.message}, not ${JSON.stringify(given?.value)}`;
  });
  throw new PitayaError("usage", problems.join("; "), { hint: "See `pitaya --help`." });
}

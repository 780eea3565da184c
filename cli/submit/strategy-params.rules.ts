import { PitayaError, type RunSpec } from "@pitaya/protocol";
import { jsonOrText } from "../settings/from-env.rules.ts";
import type { ConfigKey, Given, Layer } from "../settings/layers.ts";
import type { Resolved } from "../settings/resolve.rules.ts";

type Json = RunSpec["strategy"]["params"][string];

/** A parameter as it holds, and where it was written. */
export interface GivenParam extends Given {
  readonly value: Json;
  /** What was written, where it was text. */
  readonly text?: string;
  readonly layer: Pick<Layer, "source" | "file">;
}

/**
 * What a strategy is told: `strategies.<name>` of the settings with `-S` laid over it. A value of
 * `-S` is JSON where it parses as JSON, otherwise text; the last of several for one key holds.
 *
 * @throws {PitayaError} `usage` for one without key or `=`
 */
export function givenParams(
  { name, known }: { readonly name: string; readonly known: readonly string[] },
  settings: Pick<Resolved, "values" | "chosen">,
  flags: readonly string[],
): ReadonlyMap<string, GivenParam> {
  const params = givenIn(settings.chosen, name);
  const included = settings.chosen.get("runner.include_branches");
  // What this command line says of the run goes before what a file says of the strategy.
  if (settings.chosen.get("model")?.layer.source === "flag") params.delete("model");
  const isSaid = included?.layer.source === "flag" || !params.has("include_branches");
  if (included !== undefined && isSaid && known.includes("include_branches")) {
    const value = [...(settings.values["runner.include_branches"] ?? [])];
    params.set("include_branches", { ...included, value });
  }
  for (const flag of flags) {
    const at = flag.indexOf("=");
    const key = flag.slice(0, at).trim();
    if (at < 1 || key === "") {
      throw new PitayaError("usage", `-S ${flag} is not a parameter: expected key=value`, {
        hint: 'For example: -S n=3, or -S hints=\'["be brief", "be bold"]\'',
      });
    }
    const text = flag.slice(at + 1);
    const value = jsonOrText(text) as Json;
    params.set(key, { value, text, as: `-S ${key}`, layer: { source: "flag" } });
  }
  return params;
}

/** Parameters of a strategy that settings give. */
export function givenIn(chosen: Resolved["chosen"], name: string): Map<string, GivenParam> {
  const params = new Map<string, GivenParam>();
  for (const [key, given] of chosen) {
    const named = strategyAndParam(key);
    if (named === undefined || oneSpelling(named.strategy) !== oneSpelling(name)) continue;
    params.set(named.param, { ...given, value: given.value as Json });
  }
  return params;
}

/** What a key names; undefined for one that is no parameter of a strategy. */
export function strategyAndParam(
  key: ConfigKey,
): { readonly strategy: string; readonly param: string } | undefined {
  const [, strategy, param] = /^strategies\.(.+)\.([^.]+)$/.exec(key) ?? [];
  return strategy === undefined || param === undefined ? undefined : { strategy, param };
}

export const oneSpelling = (name: string): string => name.toLowerCase().replaceAll("_", "-");

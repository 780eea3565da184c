import { PitayaError, type RunSpec } from "@pitaya/protocol";
import { coerceParams, findStrategy, type Strategy } from "@pitaya/strategies";
import { z } from "zod";
import { jsonOrText } from "../settings/from-env.rules.ts";
import { type Given, isStrategyKey, type Layer } from "../settings/layers.ts";
import type { Resolved } from "../settings/resolve.rules.ts";

type Params = RunSpec["strategy"]["params"];
type Json = Params[string];

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
  name: string,
  settings: Pick<Resolved, "chosen">,
  flags: readonly string[],
): ReadonlyMap<string, GivenParam> {
  const params = new Map<string, GivenParam>();
  for (const [key, given] of settings.chosen) {
    const [, strategy, param] = isStrategyKey(key)
      ? (/^strategies\.(.+)\.([^.]+)$/.exec(key) ?? [])
      : [];
    if (param === undefined || oneSpelling(strategy ?? "") !== oneSpelling(name)) continue;
    params.set(param, { ...given, value: given.value as Json });
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

const oneSpelling = (name: string): string => name.toLowerCase().replaceAll("_", "-");

/** What of a strategy is asked here. */
export type ParamsOf = Pick<Strategy, "name" | "params">;

/**
 * The parameters as the strategy's own schema means them. Its defaults are not filled in: they are the
 * strategy's, wherever it runs.
 *
 * @throws {PitayaError} `usage` naming each wrong one by the place it was written in, and the known ones
 */
export function checkedParams(
  { name, params: schema }: ParamsOf,
  given: ReadonlyMap<string, GivenParam>,
): Params {
  const values = Object.fromEntries([...given].map(([key, { value }]) => [key, value]));
  const texts = [...given].flatMap(([key, { text }]) => (text === undefined ? [] : [[key, text]]));
  const shape = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const params = coerceParams(shape, values, Object.fromEntries(texts)) as Params;
  const parsed = schema.safeParse(params);
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(params).filter((key) => !known.includes(key));
  const problems = [
    ...unknown.map((key) => `${given.get(key)?.as ?? key}: strategy ${name} has no such parameter`),
    ...(parsed.error?.issues ?? []).flatMap((issue) => {
      if (issue.code === "unrecognized_keys" && issue.path.length === 0) return [];
      const [key = "", ...inner] = issue.path.map(String);
      const at = inner.length === 0 ? "" : ` ${inner.join(".")}:`;
      return [`${given.get(key)?.as ?? `-S ${key}`}:${at} ${issue.message}`];
    }),
  ];
  if (problems.length === 0) return params;
  const hint =
    known.length === 0
      ? `strategy ${name} takes no parameters`
      : `parameters of ${name}: ${known.join(", ")}`;
  throw new PitayaError("usage", problems.join("\n  "), { hint });
}

/**
 * The strategy of a run with its parameters.
 *
 * @param flags values of `-S`
 * @param more strategies beside the built-in ones
 * @throws {PitayaError} `usage` for a strategy, or a parameter of it, that there is not
 */
export function chooseStrategy(
  settings: Pick<Resolved, "values" | "chosen">,
  flags: readonly string[],
  more: readonly Strategy[] = [],
): RunSpec["strategy"] {
  const strategy = findStrategy(settings.values.strategy, more);
  const given = givenParams(strategy.name, settings, flags);
  return { name: strategy.name, params: checkedParams(strategy, given) };
}

import { PitayaError, type RunSpec } from "@pitaya/protocol";
import { findStrategy, type Strategy } from "@pitaya/strategies";
import type { Resolved } from "../settings/resolve.rules.ts";
import { type MarkedValue, markedValues } from "./param-marks.rules.ts";
import { judgedParams } from "./param-problems.rules.ts";
import { paramsOf, type StrategyParams } from "./params-of.rules.ts";
import { type GivenParam, givenParams } from "./strategy-params.rules.ts";

/** The strategy of a run as it was chosen, and what travels for its parameters. */
export interface StrategyChoice extends Pick<StrategyParams, "check"> {
  readonly spec: RunSpec["strategy"];
  readonly given: ReadonlyMap<string, GivenParam>;
  /** Every parameter, with defaults. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Files, branches and plugins that parameters name. */
  readonly marked: readonly MarkedValue[];
  readonly plugins: readonly string[];
  /** Names of all parameters. */
  readonly known: readonly string[];
  /** Of a strategy of the user's own, as it is to be stored. */
  readonly code?: { readonly file: string; readonly export: string; readonly content: Uint8Array };
}

/**
 * The parameters as the strategy's own schema means them. Its defaults are not put into the run: they
 * are the strategy's, wherever it runs.
 *
 * @throws {PitayaError} `usage` naming each wrong one by the place it was written in, and the known ones
 */
export function choiceOf(
  strategy: StrategyParams,
  given: ReadonlyMap<string, GivenParam>,
): StrategyChoice {
  const { name, known, plugins, check } = strategy;
  const { params, values, problems } = judgedParams(strategy, given);
  if (problems.length > 0) {
    throw new PitayaError("usage", problems.map(({ text }) => text).join("\n  "), {
      hint: `parameters of ${name}: ${known.join(", ")}`,
    });
  }
  const marked = markedValues(strategy.schema, values);
  return { spec: { name, params }, given, values, marked, plugins, known, check };
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
): StrategyChoice {
  const strategy = paramsOf(findStrategy(settings.values.strategy, more));
  return choiceOf(strategy, givenParams(strategy, settings, flags));
}

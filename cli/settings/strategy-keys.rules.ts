import { PitayaError } from "@pitaya/protocol";
import { findStrategy, strategyNames } from "@pitaya/strategies";
import { nearest } from "../command-line/nearest.rules.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import { judgedParams } from "../submit/param-problems.rules.ts";
import { paramsOf } from "../submit/params-of.rules.ts";
import { givenIn, oneSpelling, strategyAndParam } from "../submit/strategy-params.rules.ts";
import type { Resolved } from "./resolve.rules.ts";

/**
 * Parameters given for strategies that Pitaya ships, whichever of them is run: each is one of its
 * parameters, and of a value that it takes.
 *
 * @throws {PitayaError} `usage` naming each wrong one by the place it was written in
 */
export function checkStrategyKeys({ chosen }: Pick<Resolved, "chosen">): void {
  const problems = strategyNames.flatMap((name) => {
    const given = givenIn(chosen, name);
    if (given.size === 0) return [];
    const strategy = paramsOf(findStrategy(name));
    const { problems: told } = judgedParams(strategy, given);
    // Others may come with the command that runs it.
    return told.flatMap(({ kind, text }) => {
      if (kind === "whole") return [];
      return kind === "value"
        ? [text]
        : [`${text}; parameters of ${name}: ${strategy.known.join(", ")}`];
    });
  });
  if (problems.length > 0) throw new PitayaError("usage", problems.join("\n  "));
}

/**
 * Strategies that parameters are given for, and that are neither shipped nor the one that is run.
 *
 * @param inUse the strategy of the run
 * @returns a warning for each
 */
export function strayStrategies(chosen: Resolved["chosen"], inUse: string): readonly string[] {
  const known = [...strategyNames, inUse].map(oneSpelling);
  const stray = new Map<string, string>();
  for (const [key, { as }] of chosen) {
    const { strategy } = strategyAndParam(key) ?? {};
    if (strategy === undefined || known.includes(oneSpelling(strategy))) continue;
    if (!stray.has(strategy)) stray.set(strategy, as);
  }
  return [...stray].map(([strategy, as]) => {
    const meant = nearest(strategy, strategyNames);
    const more = meant === undefined ? "" : `; did you mean ${meant}?`;
    const name = shorten(printable(strategy), 80);
    return `${as}: no strategy ${name} is shipped, nor is it the one of this run${more}`;
  });
}

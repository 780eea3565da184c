import { PitayaError } from "@pitaya/protocol";
import { z } from "zod";
import { simple } from "./builtin/simple.ts";
import type { Strategy } from "./sdk.ts";

const BUILT_IN: readonly Strategy[] = [simple];

export const strategyNames: readonly string[] = BUILT_IN.map(({ name }) => name);

/**
 * @param more strategies beside the built-in ones
 * @throws `usage`, naming those there are
 */
export function findStrategy(name: string, more: readonly Strategy[] = []): Strategy {
  const known = [...BUILT_IN, ...more];
  const found = known.find((strategy) => strategy.name === name);
  if (found) return found;
  throw new PitayaError("usage", `there is no strategy "${name}"`, {
    hint: `strategies: ${known.map((strategy) => strategy.name).join(", ")}`,
  });
}

/**
 * Parameters as the strategy's own schema reads them.
 * @throws `usage`, naming the parameter, what is wrong with it, and the known ones
 */
export function parseParams(strategy: Strategy, params: unknown): Record<string, unknown> {
  const parsed = strategy.params.safeParse(params);
  if (parsed.success) return parsed.data;
  const known = Object.keys(strategy.params.shape);
  const hint =
    known.length === 0
      ? `strategy ${strategy.name} takes no parameters`
      : `parameters of ${strategy.name}: ${known.join(", ")}`;
  throw new PitayaError(
    "usage",
    `-S for strategy ${strategy.name}: ${z.prettifyError(parsed.error)}`,
    {
      hint,
    },
  );
}

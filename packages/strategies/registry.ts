import { PitayaError } from "@pitaya/protocol";
import { builtIn } from "./builtin/index.ts";
import type { Strategy } from "./sdk.ts";

const BUILT_IN: readonly Strategy[] = builtIn;

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

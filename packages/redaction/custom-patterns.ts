import { compile } from "./automaton.ts";
import { type Pattern, PatternError, parsePattern } from "./pattern.ts";

/** Most steps that custom patterns together may take for one byte of input. */
const MAX_STEPS = 500;

/**
 * Reads the user's own patterns. They travel with a run to runners that others share, where an agent
 * chooses what they are matched with: so not only each but all together are bounded.
 *
 * @throws PatternError for one that is not understood, or with which there are too many steps
 */
export function customPatterns(sources: readonly string[]): readonly Pattern[] {
  let steps = 0;
  return sources.map((source) => {
    const pattern = parsePattern(source);
    steps += compile([pattern]).follow.length;
    if (steps <= MAX_STEPS) return pattern;
    throw new PatternError(source, 0, "with it, matching would take too long");
  });
}

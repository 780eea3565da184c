import { PitayaError, type RunSpec } from "@pitaya/protocol";
import { findStrategy, parseParams, type Strategy } from "@pitaya/strategies";

type Params = RunSpec["strategy"]["params"];
type Json = Params[string];

/**
 * The strategy of a run with its parameters as they were given: defaults and coercion are the
 * strategy's own, and the coordinator's to apply.
 *
 * @param more strategies beside the built-in ones
 * @throws {PitayaError} `usage` for a strategy, or a parameter of it, that there is not
 */
export function chooseStrategy(
  name: string,
  given: readonly string[],
  more: readonly Strategy[] = [],
): RunSpec["strategy"] {
  const params = strategyParams(given);
  parseParams(findStrategy(name, more), params);
  return { name, params };
}

/**
 * Parameters from `-S key=value`: JSON where the value parses as JSON, otherwise text. The last of
 * several for one key holds.
 *
 * @throws {PitayaError} `usage` for one without key or `=`
 */
export function strategyParams(given: readonly string[]): Params {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf("=");
      const key = text.slice(0, at).trim();
      if (at < 1 || key === "") {
        throw new PitayaError("usage", `-S ${text} is not a parameter: expected key=value`, {
          hint: 'For example: -S n=3, or -S hints=\'["be brief", "be bold"]\'',
        });
      }
      return [key, jsonOrText(text.slice(at + 1))];
    }),
  );
}

function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

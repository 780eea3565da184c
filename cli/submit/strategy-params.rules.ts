import { PitayaError } from "@pitaya/protocol";
import type { z } from "zod";

type Json = z.infer<ReturnType<typeof z.json>>;

/**
 * Parameters from `-S key=value`: JSON where the value parses as JSON, otherwise text. The last of
 * several for one key holds.
 *
 * @throws {PitayaError} `usage` for one without key or `=`
 */
export function strategyParams(given: readonly string[]): Readonly<Record<string, Json>> {
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

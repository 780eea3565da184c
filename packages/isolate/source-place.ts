import { SourceMap, type SourceMapPayload } from "node:module";
import type { StrategyBundle } from "./strategy-bundle.ts";

/** The name that the bundle's script has in stack traces. */
export const SCRIPT = "pitaya-strategy.js";

/**
 * Where in the author's own sources a stack trace begins: `file:line:column`, of the first frame
 * that is not a package's, or else of the first.
 */
export function sourcePlace(bundle: StrategyBundle, stack: string): string | undefined {
  if (bundle.map === undefined) return undefined;
  let map: SourceMap;
  try {
    map = new SourceMap(JSON.parse(bundle.map) as SourceMapPayload);
  } catch {
    // A stored bundle may hold anything; without a map there is just no place to tell.
    return undefined;
  }
  const places: string[] = [];
  for (const [, line, column] of stack.matchAll(/pitaya-strategy\.js:(\d+):(\d+)/g)) {
    const found = map.findEntry(Number(line) - 1, Number(column) - 1);
    if (!("originalSource" in found) || !found.originalSource) continue;
    places.push(`${found.originalSource}:${found.originalLine + 1}:${found.originalColumn + 1}`);
  }
  return places.find((place) => !/(^|\/)node_modules\//.test(place)) ?? places[0];
}

import { type Answer, answered, unusable } from "./answer.ts";

/** How much is looked at, so that no text however odd takes long: from its end, where answers are. */
const MAX_CHARACTERS = 262_144;
const MAX_STEPS = 4_000_000;

/**
 * The JSON objects in what an agent said, in order, whether bare, fenced or in the middle of prose.
 * An object inside another one is part of that one.
 */
export function jsonObjectsIn(text: string): readonly Record<string, unknown>[] {
  const said = text.slice(-MAX_CHARACTERS);
  const found: Record<string, unknown>[] = [];
  let steps = 0;
  let at = said.indexOf("{");
  while (at >= 0 && steps < MAX_STEPS) {
    const end = endOfObject(said, at);
    steps += (end ?? said.length) - at;
    const object = end === undefined ? undefined : parseObject(said.slice(at, end));
    if (object) found.push(object);
    at = said.indexOf("{", object && end !== undefined ? end : at + 1);
  }
  return found;
}

/**
 * The last JSON object of an answer that has one of these, or what is wrong with the answer.
 *
 * @param keys at least one, the first of which is asked for where none is there
 */
export function objectIn(
  text: string,
  keys: readonly string[],
): Answer<Readonly<Record<string, unknown>>> {
  const objects = jsonObjectsIn(text);
  const said = objects.findLast((object) => keys.some((key) => key in object));
  if (said !== undefined) return answered(said);
  return unusable(objects.length === 0 ? noJsonIn(text) : `its JSON has no "${keys[0]}"`);
}

function noJsonIn(text: string): string {
  if (!text.includes("{")) return "it holds no JSON object";
  if (/:\s*[-+]?(?:NaN|Infinity)\b/.test(text)) return "NaN and Infinity are no numbers in JSON";
  return "what stands between its braces is not valid JSON (comments, trailing commas and single quotes are not JSON)";
}

/** Index after the brace that closes the one at `start`; braces in strings do not count. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let inString = false;
  for (let i = start; i < text.length; i += 1) {
    const c = text[i];
    if (inString) {
      if (c === "\\") i += 1;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "{") depth += 1;
    else if (c === "}") {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  return undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

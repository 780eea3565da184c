/** A JSON value, as a parameter is given. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The part of JSON Schema that says what a value may be. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema | boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/**
 * Parameters as people write them, as their schema means them: true, yes, on, 1 and their opposites
 * in any case where it takes a boolean, comma text where it takes a list, digits where it takes text.
 * What fits already, and what fits nothing, stays as it is for the schema to judge.
 *
 * @param schema JSON Schema of all parameters, as they are given
 * @param texts what was written for a parameter, where that was text that parsed as JSON
 */
export function coerceParams(
  schema: object,
  params: Readonly<Record<string, Json>>,
  texts: Readonly<Record<string, string>> = {},
): Record<string, Json> {
  const { properties = {} } = schema as Schema;
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => {
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
      return [key, known === undefined ? value : coerce(known, value, text)];
    }),
  );
}

/**
 * Where text given for a list or an object is meant as JSON and is none: what is wrong with it, and at
 * which character. It would be read as names with commas between, or as plain text.
 *
 * @param schema JSON Schema of all parameters, as they are given
 */
export function jsonFault(schema: object, key: string, text: string): string | undefined {
  const { properties = {} } = schema as Schema;
  const takes = typesOf((Object.hasOwn(properties, key) ? properties[key] : undefined) ?? {});
  if (!takes.has("array") && !takes.has("object")) return undefined;
  // A shell's command may begin with a bracket, though not with a quote right after it.
  const meant = takes.has("string") ? /^\s*[[{]"/ : /^\s*[[{]/;
  if (!meant.test(text)) return undefined;
  const message = jsonError(text);
  if (message === undefined) return undefined;
  // The parser does not say where of the end, nor of a character that can stand nowhere.
  const [, told] = / at position (\d+)/.exec(message) ?? [];
  const position = told === undefined ? strangeAt(text) : Number(told);
  const what = message.replace(/ (?:after|in|of) JSON.*|, (?:\.\.\.)?".*/s, "");
  return `${what}, at character ${position + 1}`;
}

function jsonError(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

/** Where the character is that can stand nowhere: whatever begins with it is refused for it. */
function strangeAt(text: string): number {
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (jsonError(text.slice(0, middle + 1))?.startsWith("Unexpected token")) high = middle;
    else low = middle + 1;
  }
  return low;
}

const TRUE = /^(true|yes|on|1)$/i;
const FALSE = /^(false|no|off|0)$/i;

function coerce(schema: Schema, value: Json, text?: string): Json {
  const takes = typesOf(schema);
  // Anything goes.
  if (takes.size === 0) return value;
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  if (type === "array" && takes.has("array")) {
    const items = itemsOf(schema);
    return (value as readonly Json[]).map((item) =>
      items === undefined ? item : coerce(items, item),
    );
  }
  if (takes.has(type) || (type === "number" && takes.has("integer"))) return value;
  if (typeof value === "object") {
    // JSON that was meant as text.
    return takes.has("string") && text !== undefined ? text : value;
  }
  const written = text ?? String(value);
  if (takes.has("boolean") && TRUE.test(written.trim())) return true;
  if (takes.has("boolean") && FALSE.test(written.trim())) return false;
  if (type === "string" && (takes.has("number") || takes.has("integer"))) {
    const number = Number(written);
    if (written.trim() !== "" && Number.isFinite(number)) return number;
  }
  if (takes.has("string")) return written;
  if (!takes.has("array")) return value;
  const items = itemsOf(schema);
  const parts = written.split(",").map((part) => part.trim());
  return parts
    .filter((part) => part !== "")
    .map((part) => (items === undefined ? part : coerce(items, part)));
}

const alternatives = ({ anyOf = [], oneOf = [], allOf = [] }: Schema): readonly Schema[] => [
  ...anyOf,
  ...oneOf,
  ...allOf,
];

function typesOf(schema: Schema): ReadonlySet<string> {
  const { type = [], enum: values = [] } = schema;
  const told = typeof type === "string" ? [type] : type;
  const constant = schema.const === undefined ? [] : [schema.const];
  const listed = told.length > 0 ? [] : [...values, ...constant].map((value) => typeof value);
  const others = alternatives(schema).flatMap((other) => [...typesOf(other)]);
  return new Set([...told, ...listed, ...others]);
}

function itemsOf(schema: Schema): Schema | undefined {
  if (typeof schema.items === "object") return schema.items;
  return alternatives(schema)
    .map(itemsOf)
    .find((items) => items !== undefined);
}

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

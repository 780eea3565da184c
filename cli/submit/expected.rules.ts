/** The part of JSON Schema that says what a value may be. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema | boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/**
 * What may stand at a place of a document, in words: `a whole number from 1 to 50`. Undefined where
 * its schema says nothing that has words here.
 *
 * @param schema JSON Schema of the document
 */
export function expectedAt(schema: object, path: readonly string[]): string | undefined {
  const at = schemaAt(schema, path);
  return at === undefined ? undefined : wordsFor(at);
}

/** Names that an object has there and may not have, and those that it may. */
export function strangersAt(
  schema: object,
  path: readonly string[],
  value: unknown,
): { readonly strange: readonly string[]; readonly known: readonly string[] } {
  const at = schemaAt(schema, path);
  const forms = [at, ...(at?.anyOf ?? []), ...(at?.oneOf ?? [])];
  const form = forms.find((one) => one?.properties && one.additionalProperties === false);
  const known = Object.keys(form?.properties ?? {});
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  const names = form !== undefined && isObject ? Object.keys(value) : [];
  return { strange: names.filter((name) => !known.includes(name)), known };
}

function schemaAt(schema: Schema, path: readonly string[]): Schema | undefined {
  let at: Schema | undefined = schema;
  for (const step of path) {
    const items: Schema | undefined = typeof at?.items === "object" ? at.items : undefined;
    at = at?.properties?.[step] ?? (/^\d+$/.test(step) ? items : undefined);
  }
  return at;
}

function wordsFor(schema: Schema): string | undefined {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return either(schema.enum.map((value) => JSON.stringify(value)));
  const others = schema.anyOf ?? schema.oneOf;
  if (others) {
    const words = others.map(wordsFor);
    return words.every((word) => word !== undefined) ? either(words) : undefined;
  }
  switch (schema.type) {
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "integer":
      return `a whole number${rangeOf(schema)}`;
    case "number":
      return `a number${rangeOf(schema)}`;
    case "string":
      return `${(schema.minLength ?? 0) > 0 ? "some text" : "a text"}${upTo(schema.maxLength, "characters")}`;
    case "array": {
      const of = typeof schema.items === "object" ? wordsFor(schema.items) : undefined;
      const least = schema.minItems === undefined ? "" : ` of at least ${schema.minItems}`;
      return `a list${least}${upTo(schema.maxItems, "items")}${of === undefined ? "" : `, each ${of}`}`;
    }
    case "object":
      return formOf(schema);
    default:
      return undefined;
  }
}

/** `{a, b?}`, each with what it is. */
function formOf({ properties = {}, required = [] }: Schema): string {
  const parts = Object.entries(properties).map(([name, inner]) => {
    const words = wordsFor(inner);
    return `${name}${required.includes(name) ? "" : "?"}${words === undefined ? "" : `: ${words}`}`;
  });
  return parts.length === 0 ? "an object" : `{${parts.join("; ")}}`;
}

const either = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

const upTo = (most: number | undefined, what: string): string =>
  most === undefined ? "" : ` of at most ${most} ${what}`;

/** An end that every safe integer keeps to is none. */
function rangeOf(schema: Schema): string {
  const least = finite(schema.minimum);
  const above = finite(schema.exclusiveMinimum);
  const most = finite(schema.maximum);
  const below = finite(schema.exclusiveMaximum);
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  const parts = [
    ...(least === undefined ? [] : [`of at least ${least}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(most === undefined ? [] : [`up to ${most}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ];
  return parts.length === 0 ? "" : ` ${parts.join(" ")}`;
}

const finite = (end: number | undefined): number | undefined =>
  end === undefined || Math.abs(end) >= Number.MAX_SAFE_INTEGER ? undefined : end;

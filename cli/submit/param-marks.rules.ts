import { PARAM_MARK, type ParamMark } from "@pitaya/strategies";

/** A text in the parameters that names something of the user's. */
export interface MarkedValue {
  readonly mark: ParamMark;
  readonly value: string;
  /** The parameter it stands in. */
  readonly param: string;
}

interface Schema {
  readonly [PARAM_MARK]?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema | boolean;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
}

const MARKS = ["text-file", "task-file", "branch", "plugin"] as const satisfies ParamMark[];

/** Every marked text in the values, each once. */
export function markedValues(
  schema: object,
  values: Readonly<Record<string, unknown>>,
): readonly MarkedValue[] {
  const { properties = {} } = schema as Schema;
  const found = Object.entries(values).flatMap(([param, value]) => {
    const known = Object.hasOwn(properties, param) ? properties[param] : undefined;
    return known === undefined
      ? []
      : marksIn(known, value).map(([mark, text]) => ({ mark, value: text, param }));
  });
  return [...new Map(found.map((each) => [`${each.mark} ${each.value}`, each])).values()];
}

function marksIn(schema: Schema, value: unknown): readonly (readonly [ParamMark, string])[] {
  const { anyOf = [], oneOf = [], allOf = [], items, properties = {} } = schema;
  const others = [...anyOf, ...oneOf, ...allOf].flatMap((other) => marksIn(other, value));
  if (typeof value === "string") {
    const mark = schema[PARAM_MARK];
    return isMark(mark) ? [[mark, value], ...others] : others;
  }
  if (Array.isArray(value)) {
    if (typeof items !== "object") return others;
    return [...others, ...value.flatMap((item) => marksIn(items, item))];
  }
  if (value === null || typeof value !== "object") return others;
  const more = schema.additionalProperties;
  const held = Object.entries(value).flatMap(([key, inner]) => {
    const known = Object.hasOwn(properties, key) ? properties[key] : more;
    return typeof known === "object" ? marksIn(known, inner) : [];
  });
  return [...others, ...held];
}

const isMark = (mark: unknown): mark is ParamMark => MARKS.some((known) => known === mark);

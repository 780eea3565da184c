import { z } from "zod";

/**
 * Which alternatives of a schema a set of samples goes through: options of unions, and optional
 * fields. A schema that is used in several places counts as one, named after the first.
 */
export interface SchemaCoverage {
  visit(schema: z.ZodType, value: unknown, at: string): void;
  /** Alternatives no visited value went through. */
  missed(): readonly string[];
}

export function schemaCoverage(): SchemaCoverage {
  const found = new Set<string>();
  const taken = new Set<string>();

  const alternatives = (at: string, names: readonly string[]) => {
    for (const name of names) found.add(`${at} ${name}`);
  };

  const places = new Map<z.ZodType, string>();

  function visit(schema: z.ZodType, value: unknown, where: string): void {
    const at = places.get(schema) ?? where;
    places.set(schema, at);
    if (schema instanceof z.ZodObject) {
      const fields = value as Record<string, unknown>;
      for (const [name, field] of Object.entries(schema.shape as Record<string, z.ZodType>)) {
        const there = `${at}.${name}`;
        if (field instanceof z.ZodOptional) {
          alternatives(there, ["present", "absent"]);
          taken.add(`${there} ${name in fields ? "present" : "absent"}`);
          if (name in fields) visit(field.unwrap() as z.ZodType, fields[name], there);
        } else {
          visit(field, fields[name], there);
        }
      }
    } else if (schema instanceof z.ZodUnion || schema instanceof z.ZodDiscriminatedUnion) {
      const options = schema.options as readonly z.ZodType[];
      const names = options.map(nameOf);
      alternatives(at, names);
      options.forEach((option, i) => {
        if (!option.safeParse(value).success) return;
        taken.add(`${at} ${names[i]}`);
        visit(option, value, `${at}<${names[i]}>`);
      });
    } else if (schema instanceof z.ZodArray) {
      for (const item of value as readonly unknown[]) {
        visit(schema.element as z.ZodType, item, `${at}[]`);
      }
    }
  }

  return {
    visit,
    missed: () => [...found].filter((alternative) => !taken.has(alternative)),
  };
}

/** An option of a union by its literals, or by its fields where it has none. */
function nameOf(option: z.ZodType): string {
  if (!(option instanceof z.ZodObject)) return option.type;
  const fields = Object.entries(option.shape as Record<string, z.ZodType>);
  const literals = fields.flatMap(([name, field]) =>
    field instanceof z.ZodLiteral && name !== "v" ? [String(field.value)] : [],
  );
  return literals.length > 0 ? literals.join("+") : fields.map(([name]) => name).join("+");
}

import { PluginDeclaration } from "@pitaya/protocol";
import { findStrategy, paramsSchema, strategyNames } from "@pitaya/strategies";
import { z } from "zod";
import { FLAG_ONLY } from "./from-env.rules.ts";
import { SETTING_KEYS } from "./keys.ts";
import { fileSpelling } from "./resolve.rules.ts";
import { Settings } from "./schema.ts";

/** JSON Schema, as far as it is made here. */
export interface JsonSchema {
  [keyword: string]: unknown;
  properties?: Record<string, JsonSchema>;
}

const options = { io: "input", unrepresentable: "any" } as const;

/** JSON Schema of a file of settings, for editors. */
export function settingsJsonSchema(): JsonSchema {
  const flat = z.toJSONSchema(Settings, options) as JsonSchema;
  const defaults = Settings.parse({});
  const properties: Record<string, JsonSchema> = {};
  for (const key of SETTING_KEYS) {
    if (FLAG_ONLY.has(key)) continue;
    const preset = defaults[key];
    // What is read from several forms has its default in the form it is read to.
    const schema = { ...flat.properties?.[key], ...(preset !== undefined && { default: preset }) };
    let at = properties;
    for (const group of key.split(".").slice(0, -1)) {
      at[group] ??= object({});
      at = at[group].properties ??= {};
    }
    at[key.slice(key.lastIndexOf(".") + 1)] = schema;
  }
  const strategies = strategyNames.map((name) => {
    const strategy = findStrategy(name);
    const { $schema: _, ...schema } = z.toJSONSchema(paramsSchema(strategy), options) as JsonSchema;
    return [name, { ...schema, additionalProperties: false }] as const;
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "pitaya.yaml",
    ...object({
      ...properties,
      strategies: {
        ...object(Object.fromEntries(strategies)),
        description: "Parameters of strategies, by the strategy's name.",
        additionalProperties: { type: "object" },
      },
      plugins: {
        type: "object",
        description: "Programs as agents, by a name of your own.",
        additionalProperties: pluginSchema(),
      },
    }),
  };
}

const object = (properties: Record<string, JsonSchema>): JsonSchema => ({
  type: "object",
  properties,
  additionalProperties: false,
});

function pluginSchema(): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(PluginDeclaration, options) as JsonSchema;
  const spelled = Object.entries(schema.properties ?? {}).map(([key, value]) => [
    fileSpelling(key),
    value,
  ]);
  return { ...schema, properties: Object.fromEntries(spelled) };
}

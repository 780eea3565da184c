import { parseEnv } from "node:util";

export interface Dotenv {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where a variable is set, counted from 1. Of several places the last one holds. */
  lineOf(name: string): number | undefined;
}

/**
 * A `.env` file as Node reads one: `NAME=value` lines with an optional `export`, quotes of three
 * kinds that may span lines, comments. Nothing is expanded.
 */
export function parseDotenv(text: string): Dotenv {
  const variables = parseEnv(text.replace(/^\ufeff/, ""));
  const lines = new Map<string, number>();
  for (const [at, line] of text.split("\n").entries()) {
    const [, name] = /^\ufeff?\s*(?:export\s+)?([\w.-]+)\s*=/.exec(line) ?? [];
    if (name !== undefined) lines.set(name, at + 1);
  }
  return { variables, lineOf: (name) => lines.get(name) };
}

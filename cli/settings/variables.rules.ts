import type { Given, Layer } from "./layers.ts";

/** A variable as it holds: of the environment, or else of the repository's `.env`. */
export interface Variable extends Given {
  readonly name: string;
  readonly value: string;
  readonly layer: Pick<Layer, "source" | "file">;
}

/**
 * Variables of the user's that are no settings: credentials, and the addresses they are for. Nothing
 * is ever run with them, they are only looked up.
 */
export interface Variables {
  get(name: string): Variable | undefined;
  /** What the repository's `.env` gives, whatever the environment says. */
  readonly ofFile: readonly Variable[];
  /** All of them, as an environment to look names up in. */
  readonly all: Readonly<Record<string, string | undefined>>;
}

/** @param dotenv where there is a `.env`: its layer, what it says and where */
export function variablesFrom(
  env: Readonly<NodeJS.ProcessEnv>,
  dotenv:
    | {
        readonly layer: Pick<Layer, "source" | "file">;
        readonly variables: Readonly<Record<string, string | undefined>>;
        readonly as: (name: string) => Pick<Given, "as" | "line">;
      }
    | undefined,
): Variables {
  const ofFile = Object.entries(dotenv?.variables ?? {}).flatMap(([name, value]): Variable[] =>
    dotenv === undefined || !isGiven(value)
      ? []
      : [{ name, value, layer: dotenv.layer, ...dotenv.as(name) }],
  );
  const missing = ofFile.filter(({ name }) => !isGiven(env[name]));
  return {
    ofFile,
    all: { ...env, ...Object.fromEntries(missing.map(({ name, value }) => [name, value])) },
    get(name) {
      const value = env[name];
      if (isGiven(value)) return { name, value, layer: { source: "env" }, as: name };
      return ofFile.find((variable) => variable.name === name);
    },
  };
}

const isGiven = (value: string | undefined): value is string =>
  value !== undefined && value.trim() !== "";

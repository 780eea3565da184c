import type { RunSpec } from "@pitaya/protocol";
import { coerceParams, paramsSchema, type Strategy } from "@pitaya/strategies";
import { z } from "zod";
import type { GivenParam } from "./strategy-params.rules.ts";

export type Params = RunSpec["strategy"]["params"];

/** What a schema says of a value. */
export interface ParamIssue {
  readonly path: readonly unknown[];
  /** `custom`: the message is the author's, and says it all. */
  readonly code?: string | undefined;
  readonly message: string;
}

/** What is asked of a strategy here, whoever wrote it. */
export interface StrategyParams {
  readonly name: string;
  /** JSON Schema of its parameters, as they are given. */
  readonly schema: object;
  /** Names of its parameters. */
  readonly known: readonly string[];
  /** Plugins that its tasks name beside the run's, where no parameter does. */
  readonly plugins: readonly string[];
  /** Looks at the run before it is submitted. */
  readonly check?: Strategy["check"] | undefined;
  /** Reads parameters, with defaults filled in. */
  read(params: Params): {
    readonly issues: readonly ParamIssue[];
    readonly values: Readonly<Record<string, unknown>>;
  };
}

/** A strategy whose code is here. */
export function paramsOf(strategy: Strategy): StrategyParams {
  const shape = paramsSchema(strategy);
  return {
    name: strategy.name,
    schema: z.toJSONSchema(shape, { io: "input", unrepresentable: "any" }),
    known: Object.keys(shape.shape),
    plugins: strategy.plugins ?? [],
    check: strategy.check?.bind(strategy),
    read(params) {
      const parsed = shape.safeParse(params);
      // What is unknown is told in words of our own.
      const issues = parsed.error?.issues.filter(
        ({ code, path }) => code !== "unrecognized_keys" || path.length > 0,
      );
      return { issues: issues ?? [], values: parsed.data ?? {} };
    },
  };
}

/** Parameters as they were given, each as the kind of value that its schema takes. */
export function coercedParams(
  { schema }: Pick<StrategyParams, "schema">,
  given: ReadonlyMap<string, GivenParam>,
): Params {
  const raw = Object.fromEntries([...given].map(([key, { value }]) => [key, value]));
  const texts = [...given].flatMap(([key, { text }]) => (text === undefined ? [] : [[key, text]]));
  return coerceParams(schema, raw, Object.fromEntries(texts)) as Params;
}

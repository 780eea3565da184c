import { PitayaError, type RunSpec } from "@pitaya/protocol";
import {
  coerceParams,
  findStrategy,
  jsonFault,
  paramsSchema,
  type Strategy,
} from "@pitaya/strategies";
import { z } from "zod";
import { nearest } from "../command-line/nearest.rules.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import type { Resolved } from "../settings/resolve.rules.ts";
import { expectedAt } from "./expected.rules.ts";
import { type MarkedValue, markedValues } from "./param-marks.rules.ts";
import { type GivenParam, givenParams } from "./strategy-params.rules.ts";

type Params = RunSpec["strategy"]["params"];

/** What a schema says of a value. */
interface ParamIssue {
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

/** The strategy of a run as it was chosen, and what travels for its parameters. */
export interface StrategyChoice extends Pick<StrategyParams, "check"> {
  readonly spec: RunSpec["strategy"];
  readonly given: ReadonlyMap<string, GivenParam>;
  /** Every parameter, with defaults. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Files, branches and plugins that parameters name. */
  readonly marked: readonly MarkedValue[];
  readonly plugins: readonly string[];
  /** Names of all parameters. */
  readonly known: readonly string[];
  /** Of a strategy of the user's own, as it is to be stored. */
  readonly code?: { readonly file: string; readonly export: string; readonly content: Uint8Array };
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

/**
 * The parameters as the strategy's own schema means them. Its defaults are not put into the run: they
 * are the strategy's, wherever it runs.
 *
 * @throws {PitayaError} `usage` naming each wrong one by the place it was written in, and the known ones
 */
export function choiceOf(
  strategy: StrategyParams,
  given: ReadonlyMap<string, GivenParam>,
): StrategyChoice {
  const { name, known } = strategy;
  const params = coercedParams(strategy, given);
  const { issues: told, values } = strategy.read(params);
  const faults = new Map(
    [...given].flatMap(([key, { value, as }]) => {
      const fault = typeof value === "string" ? jsonFault(strategy.schema, key, value) : undefined;
      return fault === undefined ? [] : [[key, `${as}: this is no JSON: ${fault}`] as const];
    }),
  );
  const issues = told.filter(({ path }) => !faults.has(String(path[0])));
  const unknown = Object.keys(params).filter((key) => !known.includes(key));
  const problems = [
    ...faults.values(),
    ...unknown.map((key) => {
      const meant = nearest(key, known);
      const more = meant === undefined ? "" : `; did you mean ${meant}?`;
      return `${given.get(key)?.as ?? key}: strategy ${name} has no such parameter${more}`;
    }),
    ...firstOf(issues).map(({ path, code, message }) => {
      const [key = "", ...inner] = path.map(String);
      const held = given.get(key);
      if (held === undefined) {
        if (key === "" || !message.endsWith("received undefined")) {
          return [`strategy ${name}`, key, message].filter((part) => part !== "").join(": ");
        }
        return `strategy ${name} needs a ${key}: give -S ${key}=…`;
      }
      const place = [held.as, ...(inner.length === 0 ? [] : [inner.map(stepText).join(".")])];
      if (code === "custom") return [...place, message].join(": ");
      const expected = isOwn(message) ? message : wanted(strategy.schema, [key, ...inner], message);
      return `${place.join(": ")}: ${expected}, not ${valueAt(params[key], inner)}`;
    }),
  ];
  if (problems.length > 0) {
    throw new PitayaError("usage", problems.map(printable).join("\n  "), {
      hint: `parameters of ${name}: ${known.join(", ")}`,
    });
  }
  const marked = markedValues(strategy.schema, values);
  const { plugins, check } = strategy;
  return { spec: { name, params }, given, values, marked, plugins, known, check };
}

/** One for each place; what does not go together only where each by itself is right. */
function firstOf(issues: readonly ParamIssue[]): readonly ParamIssue[] {
  const plain = issues.filter(({ code }) => code !== "custom");
  const told = plain.length > 0 ? plain : issues;
  const places = told.map(({ path }) => path.join("."));
  return told.filter((_, index) => places.indexOf(places[index] ?? "") === index);
}

const stepText = (step: string): string => (/^\d+$/.test(step) ? `item ${Number(step) + 1}` : step);

/** In the words of whoever wrote the schema. */
const isOwn = (message: string): boolean => !/^(?:Invalid|Too|Unrecognized) /.test(message);

/** What may stand there; what the library says of it where there are no words for that. */
function wanted(schema: object, path: readonly string[], message: string): string {
  const expected = expectedAt(schema, path);
  if (expected !== undefined) return `expected ${expected}`;
  return message.replace(/^Invalid (?:input|option): /, "").replace(/, received \w+$/, "");
}

function valueAt(value: unknown, path: readonly string[]): string {
  const held = path.reduce<unknown>(
    (inner, key) => (Object.hasOwn(Object(inner), key) ? Object(inner)[key] : undefined),
    value,
  );
  return shorten(JSON.stringify(held) ?? "nothing", 80);
}

/**
 * The strategy of a run with its parameters.
 *
 * @param flags values of `-S`
 * @param more strategies beside the built-in ones
 * @throws {PitayaError} `usage` for a strategy, or a parameter of it, that there is not
 */
export function chooseStrategy(
  settings: Pick<Resolved, "values" | "chosen">,
  flags: readonly string[],
  more: readonly Strategy[] = [],
): StrategyChoice {
  const strategy = paramsOf(findStrategy(settings.values.strategy, more));
  return choiceOf(strategy, givenParams(strategy, settings, flags));
}

import { jsonFault } from "@pitaya/strategies";
import { nearest } from "../command-line/nearest.rules.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import { expectedAt, strangersAt } from "./expected.rules.ts";
import {
  coercedParams,
  type ParamIssue,
  type Params,
  type StrategyParams,
} from "./params-of.rules.ts";
import type { GivenParam } from "./strategy-params.rules.ts";

/** Something wrong with parameters, in words that say where it was written. */
export interface ParamProblem {
  /**
   * unknown: the strategy has no such parameter; value: it does not take this one; whole: one is
   * missing, or they do not go together.
   */
  readonly kind: "unknown" | "value" | "whole";
  readonly text: string;
}

export interface JudgedParams {
  /** Each as the kind of value that its schema takes. */
  readonly params: Params;
  /** With defaults. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly problems: readonly ParamProblem[];
}

/** Parameters as the strategy's own schema means them, and what it says of them. */
export function judgedParams(
  strategy: StrategyParams,
  given: ReadonlyMap<string, GivenParam>,
): JudgedParams {
  const params = coercedParams(strategy, given);
  const { issues, values } = strategy.read(params);
  const unknown = Object.keys(params).filter((key) => !strategy.known.includes(key));
  const faults = jsonFaults(strategy, given);
  const others = issues.filter(({ path }) => !faults.has(String(path[0])));
  const problems: ParamProblem[] = [
    ...[...faults.values()].map((text) => ({ kind: "value", text }) as const),
    ...unknown.map((key) => {
      const meant = nearest(key, strategy.known);
      const more = meant === undefined ? "" : `; did you mean ${meant}?`;
      const where = given.get(key)?.as ?? key;
      return {
        kind: "unknown",
        text: `${where}: strategy ${strategy.name} has no such parameter${more}`,
      } as const;
    }),
    ...firstOf(others).map((issue) => problemOf(issue, strategy, given, params)),
  ];
  return {
    params,
    values,
    problems: problems.map(({ kind, text }) => ({ kind, text: printable(text) })),
  };
}

/** Text for a list or an object that begins like JSON and is none, by parameter. */
const jsonFaults = (
  { schema }: Pick<StrategyParams, "schema">,
  given: ReadonlyMap<string, GivenParam>,
): ReadonlyMap<string, string> =>
  new Map(
    [...given].flatMap(([key, { value, as }]) => {
      const fault = typeof value === "string" ? jsonFault(schema, key, value) : undefined;
      return fault === undefined ? [] : [[key, `${as}: this is no JSON: ${fault}`] as const];
    }),
  );

function problemOf(
  { path, code, message }: ParamIssue,
  { name, schema }: StrategyParams,
  given: ReadonlyMap<string, GivenParam>,
  params: Params,
): ParamProblem {
  const [key = "", ...inner] = path.map(String);
  const held = given.get(key);
  if (held === undefined) {
    const isMissing = key !== "" && message.endsWith("received undefined");
    const said = [`strategy ${name}`, key, message].filter((part) => part !== "").join(": ");
    const text = isMissing ? `strategy ${name} needs a ${key}: give -S ${key}=…` : said;
    return { kind: "whole", text };
  }
  const place = [held.as, ...(inner.length === 0 ? [] : [inner.map(stepText).join(".")])];
  if (code === "custom") return { kind: "whole", text: [...place, message].join(": ") };
  const expected = isOwn(message) ? message : wanted(schema, [key, ...inner], message);
  const value = valueAt(params[key], inner);
  const strange = strangersIn(schema, [key, ...inner], value);
  const text = `${place.join(": ")}: ${expected}, not ${shownValue(value)}${strange}`;
  return { kind: "value", text };
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

const valueAt = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (Object.hasOwn(Object(inner), key) ? Object(inner)[key] : undefined),
    value,
  );

const shownValue = (value: unknown): string => shorten(JSON.stringify(value) ?? "nothing", 80);

/** A form has many fields: which of the given ones is none of them. */
function strangersIn(schema: object, path: readonly string[], value: unknown): string {
  const { strange, known } = strangersAt(schema, path, value);
  const [name] = strange;
  if (name === undefined) return "";
  const meant = nearest(name, known);
  const more = meant === undefined ? "" : `; did you mean ${meant}?`;
  return `: there is no ${shorten(name, 40)}${more}`;
}

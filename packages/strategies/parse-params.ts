import { PitayaError } from "@pitaya/protocol";
import { z } from "zod";
import { type CommonParams, commonParams, type Strategy } from "./sdk.ts";

export type ParsedParams = Record<string, unknown> & CommonParams;

/** All parameters a strategy takes: its own, and those that every one takes. Others are refused. */
export function paramsSchema({ params }: Strategy): z.ZodObject {
  const missing = Object.entries(commonParams.shape).filter(([name]) => !(name in params.shape));
  return params.safeExtend(Object.fromEntries(missing)).strict();
}

/**
 * Parameters as the strategy's own schema reads them.
 * @param from where they were given
 * @throws `usage`, naming the parameter, what is wrong with it, and the known ones
 */
export function parseParams(strategy: Strategy, params: unknown, from = "-S"): ParsedParams {
  const schema = paramsSchema(strategy);
  const parsed = schema.safeParse(withLists(schema, params));
  if (parsed.success) return parsed.data as ParsedParams;
  throw new PitayaError(
    "usage",
    `${from} for strategy ${strategy.name}: ${z.prettifyError(parsed.error)}`,
    { hint: `parameters of ${strategy.name}: ${Object.keys(schema.shape).join(", ")}` },
  );
}

/** A list may be one text with commas between, as on a command line. */
function withLists(schema: z.ZodObject, params: unknown): unknown {
  if (params === null || typeof params !== "object") return params;
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      typeof value === "string" && isList(schema.shape[name]) ? listIn(value) : value,
    ]),
  );
}

function isList(schema: unknown): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return isList(schema.unwrap());
  }
  return schema instanceof z.ZodArray;
}

const listIn = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

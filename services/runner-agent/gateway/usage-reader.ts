import type { TokenUsage } from "@pitaya/plugins";
import { eventSplitter } from "./event-splitter.ts";

/** A larger answer, or event, is passed on and not read. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Reads what an answer of a model says of its tokens. Never throws; memory is bounded. */
export interface UsageReader {
  push(bytes: Uint8Array): void;
  /** What is known so far; at the end of an answer, all of it. Undefined where it says nothing. */
  usage(): TokenUsage | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

/** @param contentType of the answer; of others than JSON and events nothing is read */
export function usageReader(contentType: string | undefined): UsageReader | undefined {
  if (contentType?.includes("event-stream")) return eventReader();
  return contentType?.includes("json") ? bodyReader() : undefined;
}

function bodyReader(): UsageReader {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  return {
    push(part) {
      bytes += part.length;
      if (bytes <= MAX_BYTES) parts.push(part);
      else parts.length = 0;
    },
    usage: () => toUsage(reportIn(Buffer.concat(parts).toString())),
  };
}

function eventReader(): UsageReader {
  const split = eventSplitter(MAX_BYTES);
  let report: Report = {};
  return {
    push(part) {
      for (const { data } of split(part)) report = { ...report, ...reportIn(data) };
    },
    usage: () => toUsage(report),
  };
}

/** As providers count: with or without what came from their caches, by what they say besides. */
interface Report {
  readonly input?: number;
  readonly output?: number;
  readonly thoughts?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly inputHoldsCache?: boolean;
}

function toUsage(report: Report): TokenUsage | undefined {
  const { input, output, thoughts = 0, cacheRead = 0, cacheWrite = 0 } = report;
  if (input === undefined && output === undefined) return undefined;
  return {
    inputTokens: Math.max(0, (input ?? 0) - (report.inputHoldsCache ? cacheRead : 0)),
    outputTokens: (output ?? 0) + thoughts,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
  };
}

/** What a body or an event reports. Later reports of one answer replace earlier ones, field by field. */
function reportIn(text: string): Report {
  if (!text.includes('"usage')) return {};
  let json: Fields | undefined;
  try {
    json = fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
  const gemini = fieldsOf(json?.["usageMetadata"]);
  if (gemini !== undefined) return geminiReport(gemini);
  const holder = [json, json?.["message"], json?.["response"]].map(fieldsOf);
  const usage = holder.map((one) => fieldsOf(one?.["usage"])).find((one) => one !== undefined);
  return usage === undefined ? {} : usageReport(usage);
}

const count = (value: unknown): number | undefined =>
  typeof value === "number" && value >= 0 && Number.isFinite(value) ? Math.trunc(value) : undefined;

/** Only what is there. */
function given<T extends Readonly<Record<string, number | undefined>>>(fields: T): Report {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function geminiReport(usage: Fields): Report {
  const found = given({
    input: count(usage["promptTokenCount"]),
    output: count(usage["candidatesTokenCount"]),
    thoughts: count(usage["thoughtsTokenCount"]),
    cacheRead: count(usage["cachedContentTokenCount"]),
  });
  return { ...found, inputHoldsCache: true };
}

/** Anthropic's Messages, OpenAI's Responses and chat completions. */
function usageReport(usage: Fields): Report {
  const details = fieldsOf(usage["input_tokens_details"] ?? usage["prompt_tokens_details"]);
  const isOpenai = details !== undefined || usage["total_tokens"] !== undefined;
  const found = given({
    input: count(usage["input_tokens"] ?? usage["prompt_tokens"]),
    output: count(usage["output_tokens"] ?? usage["completion_tokens"]),
    cacheRead: count(details?.["cached_tokens"] ?? usage["cache_read_input_tokens"]),
    cacheWrite: count(usage["cache_creation_input_tokens"]),
  });
  return isOpenai ? { ...found, inputHoldsCache: true } : found;
}

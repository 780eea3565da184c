import { lineSplitter } from "./line-splitter.ts";
import type { TokenUsage } from "./plugin.port.ts";

/*
 * The log of the CLI, on stderr. Its JSON tells tokens of the whole thread at the end of a turn, and
 * neither the model nor how long a provider told it to wait; its log tells each of that, of each
 * request, and no content.
 */

/** What to log, for the CLI: the answers' status and headers, and figures of each request. */
export const LOG_FILTER = "error,codex_otel.trace_safe=info,codex_http_client::client=debug";

/** An answer of the model that came whole. */
export interface LoggedResponse {
  readonly kind: "response";
  readonly model: string;
  readonly usage: TokenUsage;
}

/** A request that the provider put off. */
export interface LoggedWait {
  readonly kind: "wait";
  readonly retryAfterMs: number;
}

const OURS = / (?:codex_otel\.trace_safe|codex_http_client::client): /;
/** It says that in any case. */
const IDLE_REMARK = /^Reading additional input from stdin/;

const RESPONSE = /event\.name="codex\.sse_event" event\.kind=response\.completed /;
const PUT_OFF = /^(\S{1,40}) .*Request completed .*?\/responses\S* status=(?:429|503|529)\b/;
const RETRY_AFTER_SECONDS = /"retry-after": "(\d{1,9})"/;
const RETRY_AFTER_DATE = /"retry-after": "([A-Z][a-z]{2}, [^"]{10,40})"/;

const MAX_TAIL = 2_000;

export interface CodexLog {
  push(bytes: Uint8Array): readonly (LoggedResponse | LoggedWait)[];
  end(): readonly (LoggedResponse | LoggedWait)[];
  /** The end of what is no log: the CLI's words to a person. */
  readonly tail: string;
}

export function codexLog(): CodexLog {
  const splitter = lineSplitter();
  let tail = "";

  function read(line: string): readonly (LoggedResponse | LoggedWait)[] {
    if (IDLE_REMARK.test(line)) return [];
    if (!OURS.test(line)) {
      tail = `${tail}${line}\n`.slice(-MAX_TAIL);
      return [];
    }
    const found = RESPONSE.test(line) ? responseIn(line) : waitIn(line);
    return found ? [found] : [];
  }

  const lineOf = (line: { readonly text?: string; readonly tooLong?: string }) =>
    read(line.text ?? line.tooLong ?? "");

  return {
    push: (bytes) => splitter.push(bytes).flatMap(lineOf),
    end: () => splitter.end().flatMap(lineOf),
    get tail() {
      return tail;
    },
  };
}

function responseIn(line: string): LoggedResponse | undefined {
  const figure = (name: string) => {
    const told = new RegExp(` ${name}=(\\d{1,15})(?: |$)`).exec(line)?.[1];
    return told === undefined ? undefined : Number(told);
  };
  const model = / slug=(\S{1,200})/.exec(line)?.[1];
  // One that failed on its way has no figures.
  if (model === undefined || figure("input_token_count") === undefined) return undefined;
  const usage = usageOf({
    input_tokens: figure("input_token_count"),
    cached_input_tokens: figure("cached_token_count"),
    cache_write_input_tokens: figure("cache_write_token_count"),
    output_tokens: figure("output_token_count"),
  });
  return { kind: "response", model, usage };
}

function waitIn(line: string): LoggedWait | undefined {
  const [, at = ""] = PUT_OFF.exec(line) ?? [];
  if (at === "") return undefined;
  const seconds = RETRY_AFTER_SECONDS.exec(line)?.[1];
  const until = Date.parse(RETRY_AFTER_DATE.exec(line)?.[1] ?? "") - Date.parse(at);
  const retryAfterMs = seconds === undefined ? Math.ceil(until) : Number(seconds) * 1_000;
  return retryAfterMs >= 0 ? { kind: "wait", retryAfterMs } : undefined;
}

/** The input holds what was read from the cache and written to it; a bill tells them apart. */
export function usageOf(tokens: {
  readonly input_tokens?: number | undefined;
  readonly cached_input_tokens?: number | undefined;
  readonly cache_write_input_tokens?: number | undefined;
  readonly output_tokens?: number | undefined;
}): TokenUsage {
  const count = (value: number | undefined) => Math.trunc(value ?? 0);
  const input = count(tokens.input_tokens);
  const cacheReadTokens = Math.min(count(tokens.cached_input_tokens), input);
  const cacheWriteTokens = Math.min(
    count(tokens.cache_write_input_tokens),
    input - cacheReadTokens,
  );
  return {
    inputTokens: input - cacheReadTokens - cacheWriteTokens,
    outputTokens: count(tokens.output_tokens),
    cacheReadTokens,
    cacheWriteTokens,
  };
}

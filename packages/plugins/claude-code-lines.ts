import { z } from "zod";

/*
 * Lines of `claude -p --output-format stream-json --verbose`, as far as they are read here. A field
 * that is not what it should be counts as absent: an odd detail must not cost the line it stands in.
 */

const text = z.string().optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);
const figure = z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional().catch(undefined);

const Tokens = z.object({
  input_tokens: figure,
  output_tokens: figure,
  cache_read_input_tokens: figure,
  cache_creation_input_tokens: figure,
});
export type Tokens = z.infer<typeof Tokens>;

/** One block of a message's content; `content` is a tool's answer, `input` what it was asked. */
const Block = z.object({
  type: z.string(),
  text,
  id: text,
  name: text,
  input: z.unknown().optional(),
  tool_use_id: text,
  content: z.unknown().optional(),
  is_error: flag,
});
export type Block = z.infer<typeof Block>;

/** A line holds one block as a rule; a line of millions is an attack on the reader. */
const MAX_BLOCKS = 200;

const blocksIn = (content: unknown): Block[] => {
  if (typeof content === "string") return [Block.parse({ type: "text", text: content })];
  if (!Array.isArray(content)) return [];
  return content.slice(0, MAX_BLOCKS).flatMap((block) => Block.safeParse(block).data ?? []);
};

const Message = z
  .object({ id: text, content: z.unknown().optional(), usage: Tokens.optional().catch(undefined) })
  .catch({ id: undefined, content: undefined, usage: undefined });

/** The beginning of a turn. Comes again when a background agent starts one. */
export const Init = z.object({ session_id: z.string(), model: text });

export const ApiRetry = z.object({
  attempt: figure,
  retry_delay_ms: figure,
  error_status: figure,
  error: text,
});

/** One content block of a message of the model, or the CLI's own words about a failed request. */
export const Assistant = z.object({
  message: Message,
  error: text,
  api_error_type: text,
  timestamp: text,
});

export const User = z.object({ message: Message });

export const RateLimit = z.object({
  rate_limit_info: z.object({ resetsAt: figure }).catch({ resetsAt: undefined }),
});

const ModelUsage = z.object({
  inputTokens: figure,
  outputTokens: figure,
  cacheReadInputTokens: figure,
  cacheCreationInputTokens: figure,
  costUSD: figure,
});

/** The end of a turn; a run may have several. */
export const Result = z.object({
  subtype: text,
  session_id: text,
  is_error: flag,
  result: text,
  errors: z.array(z.unknown()).optional().catch(undefined),
  api_error_status: figure,
  api_error_type: text,
  terminal_reason: text,
  stop_reason: text,
  num_turns: figure,
  /** Of the whole session, earlier attempts included. */
  total_cost_usd: figure,
  /** Of this turn without its sub-agents. */
  usage: Tokens.optional().catch(undefined),
  /** Of this process since its last result, sub-agents included. */
  model_usage_since_last_result: z.record(z.string(), ModelUsage).optional().catch(undefined),
  /** What keeps to the schema that was asked for. */
  structured_output: z.unknown().optional(),
  origin: z.object({ kind: text }).optional().catch(undefined),
});
export type Result = z.infer<typeof Result>;

export type ClaudeLine =
  | ({ readonly kind: "init" } & z.infer<typeof Init>)
  | ({ readonly kind: "retry" } & z.infer<typeof ApiRetry>)
  | ({ readonly kind: "assistant"; readonly blocks: readonly Block[] } & z.infer<typeof Assistant>)
  | { readonly kind: "user"; readonly blocks: readonly Block[] }
  | { readonly kind: "rateLimit"; readonly resetsAtMs: number | undefined }
  | ({ readonly kind: "result" } & Result)
  /** Of a type that is of no interest here, or not known. */
  | { readonly kind: "other" };

const Subtyped = z.object({ subtype: text });

/** @throws ZodError where it lacks what a line of its type must have */
export function readClaudeLine(type: string, json: object): ClaudeLine {
  const { subtype } = Subtyped.parse(json);
  if (type === "system" && subtype === "init") return { kind: "init", ...Init.parse(json) };
  if (type === "system" && subtype === "api_retry") {
    return { kind: "retry", ...ApiRetry.parse(json) };
  }
  if (type === "assistant") {
    const assistant = Assistant.parse(json);
    return { kind: "assistant", ...assistant, blocks: blocksIn(assistant.message.content) };
  }
  if (type === "user") {
    return { kind: "user", blocks: blocksIn(User.parse(json).message.content) };
  }
  if (type === "rate_limit_event") {
    const { resetsAt } = RateLimit.parse(json).rate_limit_info;
    return { kind: "rateLimit", resetsAtMs: resetsAt === undefined ? undefined : resetsAt * 1_000 };
  }
  return type === "result" ? { kind: "result", ...Result.parse(json) } : { kind: "other" };
}

/** The text in a tool's answer. */
export const textOf = (content: unknown): string =>
  blocksIn(content)
    .flatMap((block) => block.text ?? [])
    .join("\n");

import { z } from "zod";

/*
 * Lines of `gemini --output-format stream-json`, as far as they are read here. A field that is not
 * what it should be counts as absent: an odd detail must not cost the line it stands in.
 */

const text = z.string().optional().catch(undefined);
const figure = z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional().catch(undefined);

export const Init = z.object({ session_id: z.string(), model: text });

export const Message = z.object({ role: text, content: text, delta: z.unknown().optional() });

export const ToolUse = z.object({
  tool_name: text,
  tool_id: text,
  parameters: z.unknown().optional(),
});

export const ToolResult = z.object({
  tool_id: text,
  status: text,
  output: text,
  error: z.object({ message: text }).optional().catch(undefined),
});

/** Something that went wrong; a warning may be followed by a result that is a success. */
export const ErrorLine = z.object({ severity: text, message: text });

/** Of input tokens `cached` were read from a cache; the total has those of thoughts, too. */
const Tokens = z.object({
  total_tokens: figure,
  input_tokens: figure,
  output_tokens: figure,
  cached: figure,
});
export type Tokens = z.infer<typeof Tokens>;

export const Stats = Tokens.extend({
  models: z.record(z.string(), Tokens).optional().catch(undefined),
});
export type Stats = z.infer<typeof Stats>;

export const Result = z.object({
  status: text,
  error: z.object({ type: text, message: text }).optional().catch(undefined),
  stats: Stats.optional().catch(undefined),
});
export type Result = z.infer<typeof Result>;

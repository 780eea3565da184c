import { z } from "zod";

/*
 * Lines of `opencode run --format json`, as far as they are read here. A field that is not what it
 * should be counts as absent: an odd detail must not cost the line it stands in.
 */

const text = z.string().optional().catch(undefined);
const figure = z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional().catch(undefined);

const Tokens = z.object({
  input: figure,
  output: figure,
  reasoning: figure,
  cache: z.object({ read: figure, write: figure }).optional().catch(undefined),
});
export type Tokens = z.infer<typeof Tokens>;

export const TextPart = z.object({ part: z.object({ text }) });

/** A tool that has run: it is told of once it is over. A sub-agent's has the id of its own session. */
export const ToolPart = z.object({
  part: z.object({
    tool: text,
    callID: text,
    state: z
      .object({
        status: text,
        input: z.unknown().optional(),
        output: text,
        error: text,
        metadata: z.object({ sessionId: text }).optional().catch(undefined),
      })
      .catch({ status: undefined, output: undefined, error: undefined }),
  }),
});

/** The end of one answer of the model. */
export const StepFinish = z.object({
  part: z.object({ reason: text, tokens: Tokens.optional().catch(undefined), cost: figure }),
});

const headers = z.record(z.string(), z.unknown()).optional().catch(undefined);

export const ErrorLine = z.object({
  error: z.object({
    name: text,
    data: z
      .object({ message: text, statusCode: figure, responseHeaders: headers, responseBody: text })
      .optional()
      .catch(undefined),
  }),
});
export type ErrorLine = z.infer<typeof ErrorLine>;

export const Line = z.object({ sessionID: text });

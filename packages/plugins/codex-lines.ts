import { z } from "zod";

/*
 * Lines of `codex exec --json`, as far as they are read here. A field that is not what it should be
 * counts as absent: an odd detail must not cost the line it stands in.
 */

const text = z.string().optional().catch(undefined);
const figure = z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional().catch(undefined);

export const ThreadStarted = z.object({ thread_id: z.string() });

/** Of the whole thread, earlier attempts included. `input_tokens` holds those of the cache. */
export const Tokens = z.object({
  input_tokens: figure,
  cached_input_tokens: figure,
  cache_write_input_tokens: figure,
  output_tokens: figure,
});
export type Tokens = z.infer<typeof Tokens>;

export const TurnCompleted = z.object({ usage: Tokens.optional().catch(undefined) });
export const TurnFailed = z.object({
  error: z.object({ message: text }).optional().catch(undefined),
});
/** A request that will be made again, or the reason why the turn fails next. */
export const ErrorLine = z.object({ message: text });

const Item = z.object({
  id: z.string().catch(""),
  type: z.string(),
  /** Of a message. */
  text,
  /** Of a command. */
  command: text,
  aggregated_output: text,
  exit_code: z.number().nullish().catch(undefined),
  status: text,
  /** Of a changed file. */
  changes: z
    .array(z.object({ path: z.string() }))
    .optional()
    .catch(undefined),
  /** Of a tool of an MCP server, or of one that hands work to another agent. */
  server: text,
  tool: text,
  arguments: z.unknown().optional(),
  prompt: text,
  /** Of a search. */
  query: text,
});
export type Item = z.infer<typeof Item>;

export const ItemLine = z.object({ item: Item });

/** How an item that is the use of a tool is told of; undefined for one that is none. */
export function toolOf(item: Item): { readonly tool: string; readonly asked: unknown } | undefined {
  switch (item.type) {
    case "command_execution":
      return { tool: "shell", asked: { command: item.command ?? "" } };
    case "file_change":
      return { tool: "apply_patch", asked: { path: pathsOf(item) } };
    case "mcp_tool_call":
      return { tool: [item.server, item.tool].filter(Boolean).join("."), asked: item.arguments };
    case "collab_tool_call":
      return { tool: item.tool ?? "agent", asked: { description: item.prompt ?? "" } };
    case "web_search":
      return { tool: "web_search", asked: { pattern: item.query ?? "" } };
    default:
      return undefined;
  }
}

const MAX_PATHS = 50;

const pathsOf = ({ changes = [] }: Item): string =>
  changes
    .slice(0, MAX_PATHS)
    .map(({ path }) => path)
    .join(", ");

/** Whether a tool did what it was asked. */
export const isDone = ({ status, exit_code }: Item): boolean =>
  status !== "failed" && status !== "declined" && (exit_code ?? 0) === 0;

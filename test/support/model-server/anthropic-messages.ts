import { z } from "zod";
import { callsOf, type ModelApi, pieces, saidIn } from "./model-api.ts";
import type { ModelRequest, Reply } from "./scenario.ts";

/*
 * The Anthropic Messages API as Claude Code 2.1 uses it (POST …/v1/messages?beta=true). What was
 * found by watching that CLI, and must stay right:
 *
 * 1. `messages` also holds entries of role "system", and user messages hold `<system-reminder>`
 *    text blocks: neither is a prompt.
 * 2. A `tool_result` block is not a prompt; what a person says directly after it may be in the same
 *    message (opencode's). A `<task-notification>` (a background task ended) is none: taken as a
 *    prompt it would start the script again, for ever.
 * 3. After a broken stream the CLI asks again without `stream`: both forms are served.
 */

const Block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  content: z.unknown().optional(),
});
const Content = z.union([z.string(), z.array(Block)]);
const Body = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  system: Content.optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: Content })),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
});

const blocksOf = (content: z.infer<typeof Content>): z.infer<typeof Block>[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

const textOf = (content: unknown): string => {
  const parsed = Content.safeParse(content);
  if (!parsed.success) return "";
  return blocksOf(parsed.data)
    .flatMap((block) => block.text ?? [])
    .join("\n");
};

const isReminder = (text: string) => text.trimStart().startsWith("<system-reminder>");

/** The prompt in a user message; `undefined` when a tool or the CLI itself is speaking. */
function promptOf(content: z.infer<typeof Content>): string | undefined {
  const blocks = blocksOf(content);
  const said = blocks.slice(blocks.findLastIndex(({ type }) => type === "tool_result") + 1);
  const texts = said.flatMap((block) => block.text ?? []).filter((text) => !isReminder(text));
  const text = texts.join("\n");
  return text === "" || text.includes("<task-notification>") ? undefined : text;
}

/** @throws ZodError when the body is no Messages request */
function readMessagesRequest(body: unknown): ModelRequest {
  const request = Body.parse(body);
  const system = request.system === undefined ? [] : [textOf(request.system)];
  const toolResults: string[] = [];
  let prompt = "";
  let step = 0;
  let last = "";
  for (const { role, content } of request.messages) {
    if (role === "system") {
      system.push(textOf(content));
      continue;
    }
    if (role === "assistant") {
      if (last !== "assistant") step += 1;
    } else {
      const asked = promptOf(content);
      if (asked === undefined) {
        const results = blocksOf(content).filter((block) => block.type === "tool_result");
        toolResults.push(...results.map((block) => textOf(block.content)));
      } else {
        prompt = asked;
        step = 0;
        toolResults.length = 0;
      }
    }
    last = role;
  }
  return {
    model: request.model,
    stream: request.stream ?? false,
    system: system.join("\n"),
    prompt,
    step,
    tools: (request.tools ?? []).map((tool) => tool.name),
    toolResults,
  };
}

interface Usage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly output_tokens: number;
}

/** Made up, but always the same: the first turn fills the cache, later ones read it. */
const usageOf = (step: number): Usage => ({
  input_tokens: 12,
  cache_creation_input_tokens: step === 0 ? 1_500 : 40,
  cache_read_input_tokens: step === 0 ? 9_000 : 10_500,
  output_tokens: 55,
});

type ContentBlock =
  | { readonly type: "text"; readonly text: string }
  | {
      readonly type: "tool_use";
      readonly id: string;
      readonly name: string;
      readonly input: Readonly<Record<string, unknown>>;
    };

interface Message {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: string;
  readonly content: readonly ContentBlock[];
  readonly stop_reason: "end_turn" | "max_tokens" | "refusal" | "tool_use";
  readonly stop_sequence: null;
  readonly usage: Usage;
}

function contentOf(reply: Reply, tools: readonly string[], newId: () => string): ContentBlock[] {
  const text = saidIn(reply);
  const calls = callsOf(reply, tools, "Bash").map(
    ({ tool: name, input }): ContentBlock => ({
      type: "tool_use",
      id: `toolu_${newId()}`,
      name,
      input,
    }),
  );
  return text === "" ? calls : [{ type: "text", text }, ...calls];
}

function messageOf(reply: Reply, request: ModelRequest, newId: () => string): Message {
  const content = contentOf(reply, request.tools, newId);
  const calls = content.some((block) => block.type === "tool_use");
  return {
    id: `msg_${newId()}`,
    type: "message",
    role: "assistant",
    model: request.model,
    content,
    stop_reason: calls ? "tool_use" : "text" in reply ? (reply.stop ?? "end_turn") : "end_turn",
    stop_sequence: null,
    usage: usageOf(request.step),
  };
}

const event = (data: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

function blockEvents(block: ContentBlock, index: number): string[] {
  const text = block.type === "text";
  const start = text ? { type: "text", text: "" } : { ...block, input: {} };
  const parts = pieces(text ? block.text : JSON.stringify(block.input));
  const deltas = parts.map((part) =>
    text ? { type: "text_delta", text: part } : { type: "input_json_delta", partial_json: part },
  );
  return [
    event({ type: "content_block_start", index, content_block: start }),
    ...deltas.map((delta) => event({ type: "content_block_delta", index, delta })),
    event({ type: "content_block_stop", index }),
  ];
}

const startEvent = (message: Message): string => {
  const usage = { ...message.usage, output_tokens: 1 };
  const begun = { ...message, content: [], stop_reason: null, usage };
  return event({ type: "message_start", message: begun });
};

function eventsOf(message: Message): string[] {
  const { stop_reason, stop_sequence, usage } = message;
  const delta = { stop_reason, stop_sequence };
  return [
    startEvent(message),
    event({ type: "ping" }),
    ...message.content.flatMap(blockEvents),
    event({ type: "message_delta", delta, usage }),
    event({ type: "message_stop" }),
  ];
}

/** The beginning of an answer that will not be finished. */
const unfinishedEventsOf = (message: Message): string[] => [
  startEvent(message),
  ...message.content.flatMap((block, index) => blockEvents(block, index).slice(0, -1)),
];

const errorBody = (type: string, message: string) => ({
  type: "error",
  error: { type, message },
});

export const anthropicMessages: ModelApi = {
  serves: (path) => path === "v1/messages",
  read: readMessagesRequest,
  answer(reply, request, newId) {
    const whole = messageOf(reply, request, newId);
    return { whole, events: eventsOf(whole), unfinished: unfinishedEventsOf(whole) };
  },
  errorBody: ({ type, message }) => errorBody(type, message),
  errorEvent: (type, message) => event(errorBody(type, message)),
};

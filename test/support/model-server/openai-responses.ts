import { z } from "zod";
import type { ModelApi } from "./model-api.ts";
import type { ModelRequest, Reply } from "./scenario.ts";

/*
 * The OpenAI Responses API as Codex 0.169 uses it (POST …/responses, streamed). What was found by
 * watching that CLI, and must stay right:
 *
 * 1. Before the prompt stand messages of role "user" that no user wrote: the environment, and what
 *    AGENTS.md says.
 * 2. Which shell tool it offers depends on the model: `exec_command`, or for models of its own
 *    catalogue that speak in code a custom tool `exec`, whose input is JavaScript. Those come in an
 *    item of the input, not in `tools`. OpenCode calls its own `bash`.
 */

const Part = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  /** What the model tells another agent: the provider would have made it unreadable. */
  encrypted_content: z.string().optional(),
});
/** A tool, or a group of them. */
const Tool = z.looseObject({
  name: z.string().optional(),
  tools: z.array(z.looseObject({ name: z.string().optional() })).optional(),
});
const Item = z.looseObject({
  type: z.string().default("message"),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(Part)]).nullish(),
  output: z.unknown().optional(),
  tools: z.array(Tool).optional(),
});
const Body = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  instructions: z.string().nullish(),
  input: z.union([z.string(), z.array(Item)]),
  tools: z.array(Tool).optional(),
});
type Item = z.infer<typeof Item>;

const MADE_BY_MODEL = new Set([
  "function_call",
  "custom_tool_call",
  "local_shell_call",
  "reasoning",
]);
const ANSWERS_OF_TOOLS = new Set(["function_call_output", "custom_tool_call_output"]);
const NO_PROMPT = /^\s*(<environment_context>|<user_instructions>|# AGENTS\.md instructions)/;

const textOf = (content: Item["content"]): string =>
  typeof content === "string"
    ? content
    : (content ?? []).flatMap((part) => part.text ?? part.encrypted_content ?? []).join("\n");

const outputOf = (output: unknown): string => {
  const parts = z.array(Part).safeParse(output);
  return parts.success ? textOf(parts.data) : String(output);
};

function read(body: unknown): ModelRequest {
  const { model, stream, instructions, input, tools = [] } = Body.parse(body);
  const items = typeof input === "string" ? [Item.parse({ role: "user", content: input })] : input;
  const system = [instructions ?? ""];
  const toolResults: string[] = [];
  const offered = [...tools];
  let prompt = "";
  let step = 0;
  let inTurn = false;
  for (const item of items) {
    const { type, role, content, output } = item;
    const isTurn = MADE_BY_MODEL.has(type) || (type === "message" && role === "assistant");
    if (isTurn && !inTurn) step += 1;
    inTurn = isTurn;
    if (type === "additional_tools") offered.push(...(item.tools ?? []));
    if (ANSWERS_OF_TOOLS.has(type)) toolResults.push(outputOf(output));
    // What an agent of the agent is told to do; later ones are answers.
    if (type === "agent_message" && prompt === "") prompt = textOf(content);
    if (type !== "message" || isTurn) continue;
    const text = textOf(content);
    if (role !== "user") system.push(text);
    else if (!NO_PROMPT.test(text)) {
      prompt = text;
      step = 0;
      toolResults.length = 0;
    }
  }
  return {
    model,
    stream: stream ?? false,
    system: system.join("\n"),
    prompt,
    step,
    tools: offered
      .flatMap(({ name, tools = [] }) => [name, ...tools.map(({ name }) => name)])
      .filter((name) => name !== undefined),
    toolResults,
  };
}

/** Made up, but always the same: the first turn fills the cache, later ones read it. */
const usageOf = (step: number) => {
  const cached = step === 0 ? 9_000 : 10_500;
  const input = cached + (step === 0 ? 1_512 : 52);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: 55,
    output_tokens_details: { reasoning_tokens: 10 },
    total_tokens: input + 55,
  };
};

type OutputItem = Readonly<Record<string, unknown>> & { readonly type: string };

const said = (text: string, newId: () => string): OutputItem => ({
  type: "message",
  id: `msg_${newId()}`,
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text, annotations: [] }],
});

function shellCall(cmd: string, { tools }: ModelRequest, newId: () => string): OutputItem {
  const id = { call_id: `call_${newId()}`, status: "completed" };
  if (tools.includes("bash")) {
    const call = { name: "bash", arguments: JSON.stringify({ command: cmd, description: "Run" }) };
    return { type: "function_call", id: `fc_${newId()}`, ...call, ...id };
  }
  if (tools.includes("exec_command") || !tools.includes("exec")) {
    const call = { name: "exec_command", arguments: JSON.stringify({ cmd }) };
    return { type: "function_call", id: `fc_${newId()}`, ...call, ...id };
  }
  const input = `const { output } = await tools.exec_command({ cmd: ${JSON.stringify(cmd)} });\ntext(output);`;
  return { type: "custom_tool_call", id: `ctc_${newId()}`, name: "exec", input, ...id };
}

function outputItems(reply: Reply, request: ModelRequest, newId: () => string): OutputItem[] {
  // What a filter stops does not come along: a half-said answer would count as a turn.
  if ("text" in reply) {
    return reply.text === "" || reply.stop === "refusal" ? [] : [said(reply.text, newId)];
  }
  const before = reply.say === undefined ? [] : [said(reply.say, newId)];
  if ("tool" in reply) {
    // `namespace.name`, where the tool is one of a group.
    const [name = "", namespace] = reply.tool.split(".").toReversed();
    const call = { name, ...(namespace && { namespace }), arguments: JSON.stringify(reply.input) };
    const id = { id: `fc_${newId()}`, call_id: `call_${newId()}`, status: "completed" };
    return [...before, { type: "function_call", ...call, ...id }];
  }
  const commands = typeof reply.bash === "string" ? [reply.bash] : reply.bash;
  return [...before, ...commands.map((command) => shellCall(command, request, newId))];
}

/** Why an answer is not whole, where it is not. */
const incompleteReason = (reply: Reply): string | undefined => {
  if (!("text" in reply)) return undefined;
  const reasons = {
    end_turn: undefined,
    max_tokens: "max_output_tokens",
    refusal: "content_filter",
  };
  return reasons[reply.stop ?? "end_turn"];
};

const event = (data: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

/** Text in a few pieces, as it would come from a model. */
const pieces = (text: string): string[] => text.match(/[\s\S]{1,40}/gu) ?? [];

function itemEvents(item: OutputItem, output_index: number): string[] {
  const { content, id: item_id } = item as { content?: { text: string }[]; id?: string };
  const deltas = content?.flatMap(({ text }) => pieces(text)) ?? [];
  const delta = { type: "response.output_text.delta", output_index, content_index: 0, item_id };
  const begun = content ? { ...item, status: "in_progress", content: [] } : item;
  return [
    event({ type: "response.output_item.added", output_index, item: begun }),
    ...deltas.map((text) => event({ ...delta, delta: text })),
    event({ type: "response.output_item.done", output_index, item }),
  ];
}

export const openaiResponses: ModelApi = {
  serves: (path) => /^(v1\/)?responses$/.test(path),
  read,
  answer(reply, request, newId) {
    const output = outputItems(reply, request, newId);
    const reason = incompleteReason(reply);
    const status = reason === undefined ? "completed" : "incomplete";
    const begun = {
      id: `resp_${newId()}`,
      object: "response",
      created_at: 0,
      model: request.model,
      output: [],
    };
    const whole = {
      ...begun,
      status,
      output,
      ...(reason !== undefined && { incomplete_details: { reason } }),
      usage: usageOf(request.step),
    };
    const start = event({
      type: "response.created",
      response: { ...begun, status: "in_progress" },
    });
    const items = output.map(itemEvents);
    return {
      whole,
      events: [start, ...items.flat(), event({ type: `response.${status}`, response: whole })],
      unfinished: [start, ...items.flatMap((events) => events.slice(0, -1))],
    };
  },
  errorBody: ({ type, message, code = null }) => ({
    error: { message, type, param: null, code },
  }),
  errorEvent: (type, message) =>
    event({
      type: "response.failed",
      response: { status: "failed", error: { code: type, message } },
    }),
};

import { type Fields, fieldsOf, given, listOf, textOf } from "./fields.ts";
import type { ToolNames } from "./tool-names.ts";

/** A request of OpenAI's Responses, as chat completions have it. */
export function chatRequest(request: Fields, tools: ToolNames): Fields {
  const isStreamed = request["stream"] === true;
  const hasTools = tools.functions.length > 0;
  const instructions = textOf(request["instructions"]);
  const system = instructions === "" ? [] : [{ role: "system", content: instructions }];
  return given({
    model: request["model"],
    messages: [...system, ...messagesOf(request["input"], tools)],
    stream: isStreamed,
    stream_options: isStreamed ? { include_usage: true } : undefined,
    tools: hasTools ? tools.functions : undefined,
    tool_choice: hasTools ? toolChoice(request["tool_choice"], tools) : undefined,
    parallel_tool_calls: hasTools ? request["parallel_tool_calls"] : undefined,
    temperature: request["temperature"],
    top_p: request["top_p"],
    max_tokens: request["max_output_tokens"],
    reasoning_effort: fieldsOf(request["reasoning"])["effort"],
    response_format: responseFormat(fieldsOf(fieldsOf(request["text"])["format"])),
  });
}

function toolChoice(choice: unknown, tools: ToolNames): unknown {
  if (typeof choice === "string") return choice;
  const name = textOf(fieldsOf(choice)["name"]);
  return name === "" ? undefined : { type: "function", function: { name: tools.nameOf({ name }) } };
}

function responseFormat({ type, name, schema, strict }: Fields): Fields | undefined {
  if (type === "json_object") return { type };
  if (type !== "json_schema") return undefined;
  return { type, json_schema: given({ name: name ?? "answer", schema, strict }) };
}

/** Text alone where there is nothing else: not every endpoint takes parts. */
function contentOf(content: unknown): unknown {
  if (typeof content === "string") return content;
  const parts = listOf(content).flatMap((part): Fields[] => {
    if (typeof part["text"] === "string") return [{ type: "text", text: part["text"] }];
    if (typeof part["image_url"] !== "string") return [];
    return [{ type: "image_url", image_url: { url: part["image_url"] } }];
  });
  if (parts.every(({ type }) => type === "text")) {
    return parts.map(({ text }) => textOf(text)).join("\n");
  }
  return parts;
}

interface AssistantTurn {
  readonly role: "assistant";
  content: unknown;
  tool_calls?: Fields[];
}

/**
 * The conversation. What the model said and the calls it made in one turn are one message there;
 * what it thought is not passed on.
 */
function messagesOf(input: unknown, tools: ToolNames): readonly object[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  const messages: object[] = [];
  let turn: AssistantTurn | undefined;
  const ofModel = (): AssistantTurn => {
    if (turn !== undefined) return turn;
    turn = { role: "assistant", content: null };
    messages.push(turn);
    return turn;
  };

  for (const item of listOf(input)) {
    const type = item["type"] ?? "message";
    if (type === "message" && item["role"] === "assistant") {
      const own = ofModel();
      own.content = [own.content, contentOf(item["content"])].filter(Boolean).join("\n");
    } else if (type === "function_call" || type === "custom_tool_call") {
      const own = ofModel();
      own.tool_calls = [...(own.tool_calls ?? []), callOf(item, tools)];
    } else if (type === "message") {
      turn = undefined;
      const role = item["role"] === "user" ? "user" : "system";
      messages.push({ role, content: contentOf(item["content"]) });
    } else if (type === "function_call_output" || type === "custom_tool_call_output") {
      turn = undefined;
      const content = contentOf(item["output"]);
      messages.push({
        role: "tool",
        tool_call_id: item["call_id"],
        content: typeof content === "string" ? content : JSON.stringify(content),
      });
    }
  }
  return messages;
}

function callOf(item: Fields, tools: ToolNames): Fields {
  const namespace = textOf(item["namespace"]);
  const name = tools.nameOf({ name: textOf(item["name"]), ...(namespace && { namespace }) });
  const isFree = item["type"] === "custom_tool_call";
  const text = isFree
    ? JSON.stringify({ input: textOf(item["input"]) })
    : textOf(item["arguments"]);
  return {
    id: item["call_id"],
    type: "function",
    function: { name, arguments: text === "" ? "{}" : text },
  };
}

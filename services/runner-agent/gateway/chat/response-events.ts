import { type Fields, fieldsOf, given, listOf, textOf } from "./fields.ts";
import { freeText, type ToolNames } from "./tool-names.ts";

/** An event of a streamed response, by its `type`. */
export type ResponseEvent = Fields & { readonly type: string };

/**
 * Makes of the chunks of a chat completion the events of a response. Pure but for `newId`; the same
 * chunks give the same events.
 */
export interface ResponseEvents {
  /** @param chunk one event's data, parsed */
  push(chunk: Fields): readonly ResponseEvent[];
  /** After the last chunk. None where the answer broke off: there is no end to tell of. */
  end(): readonly ResponseEvent[];
  /** The response so far, as an answer that is not streamed has it. */
  response(): Fields;
}

interface Call {
  id: string;
  name: string;
  text: string;
}

/** Why an answer is not whole. */
const INCOMPLETE: Readonly<Record<string, string>> = {
  length: "max_output_tokens",
  content_filter: "content_filter",
};

export function responseEvents(
  model: unknown,
  tools: ToolNames,
  newId: () => string,
): ResponseEvents {
  const about = { id: `resp_${newId()}`, object: "response", created_at: 0, model };
  const messageId = `msg_${newId()}`;
  const calls = new Map<number, Call>();
  let text = "";
  let finish: string | undefined;
  let usage: Fields | undefined;
  let failure: Fields | undefined;
  let hasBegun = false;
  let hasMessage = false;

  const message = (status: string): Fields => ({
    ...{ type: "message", id: messageId, role: "assistant", status },
    content: status === "completed" ? [{ type: "output_text", text, annotations: [] }] : [],
  });
  const items = (): Fields[] => [
    ...(text === "" ? [] : [message("completed")]),
    ...[...calls.values()].map((call) => callItem(call, tools, newId)),
  ];
  const response = (output: readonly Fields[]): Fields => {
    const reason = INCOMPLETE[finish ?? ""];
    return {
      ...about,
      status: reason === undefined ? "completed" : "incomplete",
      ...(reason !== undefined && { incomplete_details: { reason } }),
      output,
      ...(usage && { usage: usageOf(usage) }),
    };
  };

  const begin = (): ResponseEvent[] => {
    if (hasBegun) return [];
    hasBegun = true;
    return [
      { type: "response.created", response: { ...about, status: "in_progress", output: [] } },
    ];
  };

  const say = (delta: string): ResponseEvent[] => {
    const events: ResponseEvent[] = [];
    if (!hasMessage) {
      hasMessage = true;
      const item = message("in_progress");
      events.push({ type: "response.output_item.added", output_index: 0, item });
    }
    text += delta;
    const place = { item_id: messageId, output_index: 0, content_index: 0 };
    return [...events, { type: "response.output_text.delta", ...place, delta }];
  };

  const call = (delta: Fields, fallback: number): void => {
    const index = typeof delta["index"] === "number" ? delta["index"] : fallback;
    const of = fieldsOf(delta["function"]);
    const known = calls.get(index) ?? { id: "", name: "", text: "" };
    calls.set(index, {
      id: known.id || textOf(delta["id"]),
      name: known.name || textOf(of["name"]),
      text: known.text + textOf(of["arguments"]),
    });
  };

  return {
    push(chunk) {
      if (chunk["error"] !== undefined) failure = fieldsOf(chunk["error"]);
      if (typeof chunk["usage"] === "object" && chunk["usage"]) usage = fieldsOf(chunk["usage"]);
      const [choice = {}] = listOf(chunk["choices"]);
      const delta = fieldsOf(choice["delta"] ?? choice["message"]);
      const said = textOf(delta["content"]);
      for (const [index, one] of listOf(delta["tool_calls"]).entries()) call(one, index);
      if (typeof choice["finish_reason"] === "string") finish = choice["finish_reason"];
      return [...begin(), ...(said === "" ? [] : say(said))];
    },
    end() {
      if (failure !== undefined) {
        const error = given({
          code: failure["code"] ?? failure["type"] ?? "server_error",
          message: failure["message"] ?? "The provider's answer broke off.",
        });
        return [{ type: "response.failed", response: { ...about, status: "failed", error } }];
      }
      if (finish === undefined) return [];
      const output = items();
      const done = output.flatMap((item, output_index): ResponseEvent[] => {
        const isMessage = item["type"] === "message";
        const added = { type: "response.output_item.added", output_index, item };
        return [
          ...(isMessage ? [] : [added]),
          { type: "response.output_item.done", output_index, item },
        ];
      });
      const whole = response(output);
      return [...begin(), ...done, { type: `response.${whole["status"]}`, response: whole }];
    },
    response: () => response(items()),
  };
}

function callItem({ id, name, text }: Call, tools: ToolNames, newId: () => string): Fields {
  const tool = tools.offered(name);
  const about = { call_id: id || `call_${newId()}`, name: tool.name, status: "completed" };
  if (tool.kind === "custom") {
    return { type: "custom_tool_call", id: `ctc_${newId()}`, ...about, input: freeText(text) };
  }
  return {
    ...{ type: "function_call", id: `fc_${newId()}`, ...about },
    ...(tool.namespace !== undefined && { namespace: tool.namespace }),
    arguments: text === "" ? "{}" : text,
  };
}

function usageOf(usage: Fields): Fields {
  const number = (value: unknown) => (typeof value === "number" ? value : 0);
  const input = number(usage["prompt_tokens"]);
  const output = number(usage["completion_tokens"]);
  const thought = fieldsOf(usage["completion_tokens_details"])["reasoning_tokens"];
  const cached = fieldsOf(usage["prompt_tokens_details"])["cached_tokens"];
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: number(cached ?? usage["prompt_cache_hit_tokens"]) },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: number(thought) },
    total_tokens: number(usage["total_tokens"]) || input + output,
  };
}

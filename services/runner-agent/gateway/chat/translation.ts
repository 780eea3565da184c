import type { SentEvent } from "../event-splitter.ts";
import { chatRequest } from "./chat-request.rules.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import { type ResponseEvent, responseEvents } from "./response-events.ts";
import { toolNames } from "./tool-names.ts";

/** A call of Responses, made as one of chat completions, and its answer. */
export interface Translation {
  /** The body to send. */
  readonly body: string;
  readonly isStreamed: boolean;
  /** Text of the answer for an event of the provider's. Never throws. */
  push(event: SentEvent): string;
  /** Text of the answer's end; undefined where the provider's broke off. */
  end(): string | undefined;
  /** An answer that is not streamed. Undefined where it is none. */
  whole(text: string): string | undefined;
}

const DONE = "[DONE]";

/**
 * OpenAI's Responses for an agent, over a provider that has chat completions alone.
 *
 * @param text body of the agent's request
 * @throws SyntaxError for one that is no JSON
 */
export function translation(text: string, newId: () => string): Translation {
  const request = fieldsOf(JSON.parse(text));
  const tools = toolNames(request);
  const events = responseEvents(request["model"], tools, newId);
  let sequence = 0;
  const written = (list: readonly ResponseEvent[]): string =>
    list
      .map((event) => {
        const data = JSON.stringify({ ...event, sequence_number: sequence++ });
        return `event: ${event.type}\ndata: ${data}\n\n`;
      })
      .join("");

  return {
    body: JSON.stringify(chatRequest(request, tools)),
    isStreamed: request["stream"] === true,
    push: ({ data }) => (data === DONE ? "" : written(events.push(parsed(data)))),
    end() {
      const last = events.end();
      return last.length === 0 ? undefined : written(last);
    },
    whole(answer) {
      const chunk = parsed(answer);
      if (chunk["choices"] === undefined) return undefined;
      events.push(chunk);
      return JSON.stringify(events.response());
    },
  };
}

function parsed(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

import { z } from "zod";
import { type Answer, callsOf, type ModelApi, pieces, saidIn } from "./model-api.ts";
import type { ErrorStep, ModelRequest, Reply } from "./scenario.ts";

/* OpenAI's chat completions (POST …/chat/completions), which many providers have. */

const Content = z.union([
  z.string(),
  z.array(z.looseObject({ text: z.string().optional() })),
  z.null(),
]);
const Body = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: Content.optional() })),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).optional(),
});

const textOf = (content: z.infer<typeof Content> | undefined): string =>
  typeof content === "string"
    ? content
    : (content ?? []).flatMap(({ text }) => text ?? []).join("\n");

function read(body: unknown): ModelRequest {
  const { model, stream = false, messages, tools = [] } = Body.parse(body);
  const system: string[] = [];
  const toolResults: string[] = [];
  let prompt = "";
  let step = 0;
  for (const { role, content } of messages) {
    const text = textOf(content);
    if (role === "system" || role === "developer") system.push(text);
    else if (role === "assistant") step += 1;
    else if (role === "tool") toolResults.push(text);
    else {
      prompt = text;
      step = 0;
      toolResults.length = 0;
    }
  }
  return {
    model,
    stream,
    system: system.join("\n"),
    prompt,
    step,
    tools: tools.map(({ function: { name } }) => name),
    toolResults,
  };
}

const FINISH = { end_turn: "stop", max_tokens: "length", refusal: "content_filter" } as const;

const event = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;

function answer(reply: Reply, request: ModelRequest, newId: () => string): Answer {
  const said = saidIn(reply);
  const calls = callsOf(reply, request.tools, "bash").map(({ tool, input }, index) => ({
    index,
    id: `call_${newId()}`,
    type: "function",
    function: { name: tool, arguments: JSON.stringify(input) },
  }));
  const ended = FINISH["text" in reply ? (reply.stop ?? "end_turn") : "end_turn"];
  const finish_reason = calls.length > 0 ? "tool_calls" : ended;
  const cached_tokens = request.step === 0 ? 0 : 9_000;
  const usage = {
    prompt_tokens: 11_000,
    completion_tokens: 55,
    total_tokens: 11_055,
    prompt_tokens_details: { cached_tokens },
    completion_tokens_details: { reasoning_tokens: 20 },
  };
  const about = { id: `chatcmpl-${newId()}`, created: 1, model: request.model };
  const chunk = (delta: object, end: string | null = null) =>
    event({
      ...about,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: end }],
    });
  const beginning = [
    chunk({ role: "assistant", content: "" }),
    ...(said === "" ? [] : pieces(said).map((content) => chunk({ content }))),
  ];
  const tool_calls = calls.length > 0 ? { tool_calls: calls } : {};
  return {
    whole: {
      ...about,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: said === "" ? null : said, ...tool_calls },
          finish_reason,
        },
      ],
      usage,
    },
    events: [
      ...beginning,
      ...calls.map((call) => chunk({ tool_calls: [call] })),
      chunk({}, finish_reason),
      event({ ...about, object: "chat.completion.chunk", choices: [], usage }),
      "data: [DONE]\n\n",
    ],
    unfinished: beginning,
  };
}

const errorBody = ({ type, message, code = type }: ErrorStep) => ({
  error: { message, type, param: null, code },
});

export const chatCompletions: ModelApi = {
  serves: (path) => path.endsWith("chat/completions"),
  read,
  answer,
  errorBody,
  errorEvent: (type, message) => event({ error: { message, type } }),
};

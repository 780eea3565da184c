import { z } from "zod";
import { type Answer, callsOf, type ModelApi, pieces, saidIn } from "./model-api.ts";
import type { ErrorStep, ModelRequest, Reply } from "./scenario.ts";

/*
 * Gemini's API as Gemini CLI 0.61 uses it (POST …/v1beta/models/<model>:streamGenerateContent?alt=sse).
 * The first user content holds the CLI's own context before the prompt: the prompt is its last part.
 * A user content with a function's response is none. Beside the agent's turns the CLI asks a small
 * model for JSON, about how hard the task is: without an answer it tries for minutes.
 */

const Part = z.looseObject({
  text: z.string().optional(),
  functionResponse: z.looseObject({ response: z.unknown().optional() }).optional(),
});
const Content = z.looseObject({ role: z.string().optional(), parts: z.array(Part).default([]) });
const Body = z.looseObject({
  contents: z.array(Content),
  generationConfig: z.looseObject({ responseMimeType: z.string().optional() }).optional(),
  systemInstruction: z.union([z.string(), Content]).optional(),
  tools: z
    .array(
      z.looseObject({
        functionDeclarations: z.array(z.looseObject({ name: z.string() })).optional(),
      }),
    )
    .optional(),
});

const PATH = /^v1(?:beta)?\/models\/(.+):(streamGenerateContent|generateContent)$/;

function read(body: unknown, path: string): ModelRequest {
  const { contents, generationConfig, systemInstruction, tools = [] } = Body.parse(body);
  const [, model = "", method] = PATH.exec(path) ?? [];
  const toolResults: string[] = [];
  let prompt = "";
  let step = 0;
  for (const { role, parts } of contents) {
    const responses = parts.filter(({ functionResponse }) => functionResponse !== undefined);
    const text = parts.findLast((part) => part.text !== undefined)?.text ?? "";
    if (role === "model") step += 1;
    else if (responses.length > 0) {
      toolResults.push(...responses.map((part) => JSON.stringify(part.functionResponse)));
    } else {
      prompt = text;
      step = 0;
      toolResults.length = 0;
    }
  }
  const system = typeof systemInstruction === "string" ? [] : (systemInstruction?.parts ?? []);
  return {
    model,
    stream: method === "streamGenerateContent",
    system: system.flatMap(({ text }) => text ?? []).join("\n"),
    prompt,
    step,
    tools: tools.flatMap(({ functionDeclarations = [] }) =>
      functionDeclarations.map(({ name }) => name),
    ),
    toolResults,
    ...(generationConfig?.responseMimeType === "application/json" && { asksJson: true }),
  };
}

/** To any question of the CLI's own. */
const JSON_ANSWER = JSON.stringify({ complexity_reasoning: "Little to do.", complexity_score: 20 });

const FINISH = { end_turn: "STOP", max_tokens: "MAX_TOKENS", refusal: "SAFETY" } as const;

const event = (data: unknown) => `data: ${JSON.stringify(data)}\r\n\r\n`;

function answer(asked: Reply, request: ModelRequest, newId: () => string): Answer {
  const reply: Reply = request.asksJson ? { text: JSON_ANSWER } : asked;
  const texts = saidIn(reply) === "" ? [] : pieces(saidIn(reply)).map((text) => ({ text }));
  const calls = callsOf(reply, request.tools, "run_shell_command").map(({ tool, input }) => ({
    functionCall: { name: tool, args: input },
  }));
  const finishReason = FINISH["text" in reply ? (reply.stop ?? "end_turn") : "end_turn"];
  const about = {
    // The first turn fills the cache, later ones read it.
    usageMetadata: {
      promptTokenCount: 11_000,
      cachedContentTokenCount: request.step === 0 ? 0 : 9_000,
      candidatesTokenCount: 35,
      thoughtsTokenCount: 20,
      totalTokenCount: 11_055,
    },
    modelVersion: request.model,
    responseId: newId(),
  };
  const chunk = (parts: readonly object[], end: object = {}) => ({
    candidates: [{ content: { role: "model", parts }, index: 0, ...end }],
    ...about,
  });
  const beginning = texts.map((part) => event(chunk([part])));
  return {
    whole: chunk([...texts, ...calls], { finishReason }),
    events: [...beginning, event(chunk(calls, { finishReason }))],
    unfinished: beginning,
  };
}

const STATUS: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};

/** A wait stands in the body, not in a header. */
function errorBody({ status, message, headers = {} }: ErrorStep) {
  const wait = headers["retry-after"];
  const retryInfo = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${wait}s` };
  const details = wait === undefined ? [] : [retryInfo];
  return { error: { code: status, message, status: STATUS[status] ?? "UNKNOWN", details } };
}

export const gemini: ModelApi = {
  serves: (path) => PATH.test(path),
  read: read,
  answer,
  errorBody,
  errorEvent: (type, message) => event(errorBody({ status: 500, type, message })),
};

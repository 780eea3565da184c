import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventSplitter } from "../event-splitter.ts";
import { translation } from "./translation.ts";

const TOOLS = [
  {
    type: "function",
    name: "exec_command",
    description: "Runs",
    parameters: { type: "object" },
    strict: false,
  },
  { type: "custom", name: "apply_patch", description: "Patches", format: { type: "grammar" } },
  {
    type: "namespace",
    name: "mcp__probe",
    tools: [{ type: "function", name: "add", strict: true }],
  },
  { type: "web_search" },
];

const counting = () => {
  let ids = 0;
  return () => {
    ids += 1;
    return String(ids);
  };
};
const translate = (request: object) =>
  translation(JSON.stringify({ stream: true, ...request }), counting());
const bodyOf = (request: object) => JSON.parse(translate(request).body);

/** What an agent gets for these chunks, cut into pieces of so many bytes. */
function answered(request: object, chunks: readonly object[], size = 1_000_000) {
  const asked = translate(request);
  const sent = Buffer.from(
    `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")}data: [DONE]\n\n`,
  );
  const split = eventSplitter(1_000_000);
  let text = "";
  for (let at = 0; at < sent.length; at += size) {
    text += split(sent.subarray(at, at + size))
      .map(asked.push)
      .join("");
  }
  const end = asked.end();
  if (end === undefined) return undefined;
  return eventSplitter(1_000_000)(Buffer.from(text + end)).map(({ data }) => JSON.parse(data));
}

const delta = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});
const USAGE = {
  choices: [],
  usage: {
    ...{ prompt_tokens: 11_000, completion_tokens: 55, total_tokens: 11_055 },
    prompt_tokens_details: { cached_tokens: 9_000 },
    completion_tokens_details: { reasoning_tokens: 20 },
  },
};

describe("a request", () => {
  it("has its conversation as messages, one for each turn of the model", () => {
    const { messages } = bodyOf({
      instructions: "Be brief.",
      input: [
        { type: "message", role: "developer", content: [{ type: "input_text", text: "Commit." }] },
        { role: "user", content: "Go on" },
        { type: "reasoning", summary: [], encrypted_content: "x" },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "First." }] },
        { type: "function_call", call_id: "c1", name: "exec_command", arguments: '{"cmd":"ls"}' },
        { type: "custom_tool_call", call_id: "c2", name: "apply_patch", input: "*** Begin" },
        {
          type: "function_call",
          call_id: "c3",
          namespace: "mcp__probe",
          name: "add",
          arguments: "",
        },
        { type: "function_call_output", call_id: "c1", output: "README" },
        {
          type: "custom_tool_call_output",
          call_id: "c2",
          output: [{ type: "input_text", text: "ok" }],
        },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "Done." }] },
        {
          role: "user",
          content: [
            { type: "input_text", text: "See" },
            { type: "input_image", image_url: "data:image/png;base64,x" },
          ],
        },
      ],
      tools: TOOLS,
    });
    expect(messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "system", content: "Commit." },
      { role: "user", content: "Go on" },
      {
        role: "assistant",
        content: "First.",
        tool_calls: [
          {
            id: "c1",
            type: "function",
            function: { name: "exec_command", arguments: '{"cmd":"ls"}' },
          },
          {
            id: "c2",
            type: "function",
            function: { name: "apply_patch", arguments: '{"input":"*** Begin"}' },
          },
          { id: "c3", type: "function", function: { name: "mcp__probe__add", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "README" },
      { role: "tool", tool_call_id: "c2", content: "ok" },
      { role: "assistant", content: "Done." },
      {
        role: "user",
        content: [
          { type: "text", text: "See" },
          { type: "image_url", image_url: { url: "data:image/png;base64,x" } },
        ],
      },
    ]);
  });

  it("has its tools as functions, and nothing that chat completions do not know", () => {
    const { messages: _, ...rest } = bodyOf({
      model: "m1",
      input: "hello",
      tools: TOOLS,
      tool_choice: "auto",
      parallel_tool_calls: true,
      reasoning: { effort: "low", summary: "auto" },
      store: false,
      include: ["reasoning.encrypted_content"],
      prompt_cache_key: "k",
      max_output_tokens: 100,
      text: {
        format: { type: "json_schema", name: "a", schema: { type: "object" }, strict: true },
      },
    });
    expect(rest).toEqual({
      model: "m1",
      stream: true,
      stream_options: { include_usage: true },
      tools: [
        {
          type: "function",
          function: { name: "exec_command", description: "Runs", parameters: { type: "object" } },
        },
        {
          type: "function",
          function: {
            name: "apply_patch",
            description: "Patches",
            parameters: expect.objectContaining({ required: ["input"] }),
          },
        },
        {
          type: "function",
          function: {
            name: "mcp__probe__add",
            parameters: { type: "object", properties: {} },
            strict: true,
          },
        },
      ],
      tool_choice: "auto",
      parallel_tool_calls: true,
      max_tokens: 100,
      reasoning_effort: "low",
      response_format: {
        type: "json_schema",
        json_schema: { name: "a", schema: { type: "object" }, strict: true },
      },
    });
  });
});

describe("a streamed answer", () => {
  const CALLS = [
    delta({ role: "assistant", content: "" }),
    delta({ content: "I will " }),
    delta({ content: "look é😀." }),
    delta({
      tool_calls: [{ index: 0, id: "a", function: { name: "exec_command", arguments: '{"cm' } }],
    }),
    delta({ tool_calls: [{ index: 0, function: { arguments: 'd":"ls"}' } }] }),
    delta({
      tool_calls: [
        { index: 1, id: "b", function: { name: "apply_patch", arguments: '{"input":"*** B"}' } },
      ],
    }),
    delta({
      tool_calls: [{ index: 2, id: "c", function: { name: "mcp__probe__add", arguments: "" } }],
    }),
    delta({}, "tool_calls"),
    USAGE,
  ];

  it("has the text as it comes, then the calls, then the whole with its usage", () => {
    const events = answered({ model: "m1", tools: TOOLS }, CALLS) ?? [];
    expect(events.map(({ type, delta }) => [type, delta].filter(Boolean).join(" "))).toEqual([
      "response.created",
      "response.output_item.added",
      "response.output_text.delta I will ",
      "response.output_text.delta look é😀.",
      "response.output_item.done",
      ...["response.output_item.added", "response.output_item.done"],
      ...["response.output_item.added", "response.output_item.done"],
      ...["response.output_item.added", "response.output_item.done"],
      "response.completed",
    ]);
    expect(events.map(({ sequence_number: n }) => n)).toEqual(events.map((_, n) => n));
    const { output, usage, status } = events.at(-1).response;
    expect(status).toBe("completed");
    expect(output).toMatchObject([
      { type: "message", content: [{ type: "output_text", text: "I will look é😀." }] },
      { type: "function_call", call_id: "a", name: "exec_command", arguments: '{"cmd":"ls"}' },
      { type: "custom_tool_call", call_id: "b", name: "apply_patch", input: "*** B" },
      {
        type: "function_call",
        call_id: "c",
        name: "add",
        namespace: "mcp__probe",
        arguments: "{}",
      },
    ]);
    expect(usage).toEqual({
      input_tokens: 11_000,
      input_tokens_details: { cached_tokens: 9_000 },
      output_tokens: 55,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 11_055,
    });
  });

  it("is the same however its bytes are split", () => {
    const whole = answered({ tools: TOOLS }, CALLS);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (size) => {
        expect(answered({ tools: TOOLS }, CALLS, size)).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ["length", "max_output_tokens"],
    ["content_filter", "content_filter"],
  ])("that ended by %s is incomplete", (finish, reason) => {
    const last = answered({}, [delta({ content: "half" }), delta({}, finish)])?.at(-1);
    expect(last).toMatchObject({
      type: "response.incomplete",
      response: { status: "incomplete", incomplete_details: { reason } },
    });
  });

  it("that tells of an error inside has failed", () => {
    const error = { message: "Overloaded", type: "overloaded_error" };
    expect(answered({}, [delta({ content: "half" }), { error }])?.at(-1)).toMatchObject({
      type: "response.failed",
      response: { error: { code: "overloaded_error", message: "Overloaded" } },
    });
  });

  it("that broke off has no end", () => {
    expect(answered({}, [delta({ content: "half" })])).toBeUndefined();
  });

  it("of nonsense throws nothing", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.object({
            key: fc.constantFrom("choices", "delta", "tool_calls", "usage", "error", "index"),
          }),
        ),
        (chunks) => {
          answered({}, chunks);
        },
      ),
      { numRuns: 50 },
    );
  });
});

it("an answer that is not streamed is one response", () => {
  const asked = translate({ stream: false, model: "m1" });
  const message = {
    role: "assistant",
    content: "Hello.",
    tool_calls: [{ id: "a", function: { name: "f", arguments: "{}" } }],
  };
  const whole = asked.whole(
    JSON.stringify({ choices: [{ message, finish_reason: "stop" }], usage: USAGE.usage }),
  );
  expect(JSON.parse(whole ?? "")).toMatchObject({
    object: "response",
    status: "completed",
    output: [{ type: "message" }, { type: "function_call", call_id: "a", name: "f" }],
    usage: { input_tokens: 11_000 },
  });
  expect(translate({}).whole("nothing")).toBeUndefined();
});

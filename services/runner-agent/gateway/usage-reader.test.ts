import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventSplitter } from "./event-splitter.ts";
import { usageReader } from "./usage-reader.ts";

const events = (...data: unknown[]) =>
  data.map((one) => `event: x\ndata: ${JSON.stringify(one)}\n\n`).join("");

const read = (contentType: string, text: string) => {
  const reader = usageReader(contentType);
  reader?.push(Buffer.from(text));
  return reader?.usage();
};

const ANTHROPIC = {
  start: {
    type: "message_start",
    message: { usage: { input_tokens: 12, cache_read_input_tokens: 9_000, output_tokens: 1 } },
  },
  delta: { type: "message_delta", usage: { output_tokens: 55, cache_creation_input_tokens: 4 } },
};

describe("what an answer used", () => {
  it.each([
    [
      "Messages, streamed",
      events(ANTHROPIC.start, ANTHROPIC.delta),
      { input: 12, output: 55, cacheRead: 9_000, cacheWrite: 4 },
    ],
    [
      "Responses, streamed",
      events(
        { type: "response.created", response: { usage: null } },
        {
          type: "response.completed",
          response: {
            usage: {
              input_tokens: 10_512,
              input_tokens_details: { cached_tokens: 9_000 },
              output_tokens: 55,
              total_tokens: 10_567,
            },
          },
        },
      ),
      { input: 1_512, output: 55, cacheRead: 9_000, cacheWrite: 0 },
    ],
    [
      "chat completions, streamed",
      `${events(
        { choices: [{ delta: { content: "hi" } }] },
        {
          choices: [],
          usage: {
            prompt_tokens: 11_000,
            prompt_tokens_details: { cached_tokens: 9_000 },
            completion_tokens: 55,
            total_tokens: 11_055,
          },
        },
      )}data: [DONE]\n\n`,
      { input: 2_000, output: 55, cacheRead: 9_000, cacheWrite: 0 },
    ],
    [
      "Gemini, streamed: each tells the sum so far",
      events(
        { usageMetadata: { promptTokenCount: 500, candidatesTokenCount: 1 } },
        {
          usageMetadata: {
            ...{ promptTokenCount: 500, candidatesTokenCount: 30 },
            ...{ thoughtsTokenCount: 20, cachedContentTokenCount: 400 },
          },
        },
      ),
      { input: 100, output: 50, cacheRead: 400, cacheWrite: 0 },
    ],
  ])("is read from %s", (_, text, { input, output, cacheRead, cacheWrite }) => {
    expect(read("text/event-stream; charset=utf-8", text)).toEqual({
      inputTokens: input,
      outputTokens: output,
      cacheReadTokens: cacheRead,
      cacheWriteTokens: cacheWrite,
    });
  });

  it("is read from a body that is no stream", () => {
    const usage = { input_tokens: 3, output_tokens: 4 };
    expect(read("application/json", JSON.stringify({ usage }))).toMatchObject({
      inputTokens: 3,
      outputTokens: 4,
    });
  });

  it.each(["not json", '{"usage":"much"}', '{"usage":{"input_tokens":-1}}', '"usage', "[]"])(
    "is unknown in %j",
    (text) => {
      expect(read("application/json", text)).toBeUndefined();
      expect(read("text/event-stream", `data: ${text}\n\n`)).toBeUndefined();
    },
  );

  it("is looked for in no picture", () => expect(usageReader("image/png")).toBeUndefined());
});

describe("events", () => {
  it("are the same however their bytes are split", () => {
    const line = fc.constantFrom("data: a", "data:é😀", "event: x", ": c", "", "data", "id: 1");
    const end = fc.constantFrom("\n", "\r\n", "\r");
    const text = fc
      .array(fc.tuple(line, end), { maxLength: 30, size: "max" })
      .map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 20 }), (sent, cuts) => {
        const bytes = Buffer.from(sent);
        const places = [0, ...cuts.map((at) => Math.min(at, bytes.length)), bytes.length].sort(
          (a, b) => a - b,
        );
        const split = eventSplitter(1_000);
        const pieces = places.flatMap((from, n) =>
          split(bytes.subarray(from, places[n + 1] ?? from)),
        );
        expect(pieces).toEqual(eventSplitter(1_000)(bytes));
      }),
    );
  });

  it("that are too long are left out, and those after them are not", () => {
    const long = `data: ${"x".repeat(200)}\n\ndata: y\ndata: ${"z".repeat(90)}\n\ndata: short\n\n`;
    for (const size of [1, 7, 1_000]) {
      const split = eventSplitter(100);
      const found = [];
      for (let at = 0; at < long.length; at += size) {
        found.push(...split(Buffer.from(long.slice(at, at + size))));
      }
      expect(found).toEqual([{ data: "short" }]);
    }
  });
});

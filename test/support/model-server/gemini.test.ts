import { expect, it, onTestFinished } from "vitest";
import { startModelServer } from "./model-server.ts";

async function base(scenario: string) {
  const models = await startModelServer({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => models.close());
  return { models, url: models.url(scenario, "r1") };
}

const ask = (url: string, contents: readonly object[], more: object = {}, method = "generate") =>
  fetch(
    `${url}/v1beta/models/gemini-x:${method}Content${method === "generate" ? "" : "?alt=sse"}`,
    {
      method: "POST",
      headers: { "x-goog-api-key": "dummy-key" },
      body: JSON.stringify({
        contents,
        tools: [{ functionDeclarations: [{ name: "run_shell_command" }] }],
        ...more,
      }),
    },
  );

const prompt = { role: "user", parts: [{ text: "<session_context>" }, { text: "go" }] };
const called = { role: "model", parts: [{ functionCall: { name: "run_shell_command" } }] };
const result = { role: "user", parts: [{ functionResponse: { response: { output: "ran" } } }] };

it("follows a script by the conversation, whole and streamed", async () => {
  const { models, url } = await base("ok");
  const first = await (await ask(url, [prompt])).json();
  expect(first).toMatchObject({
    candidates: [{ content: { parts: [{ text: "I will add hello.txt." }, { functionCall: {} }] } }],
  });
  const text = await (await ask(url, [prompt, called, result], {}, "streamGenerate")).text();
  const events = text
    .split("\r\n\r\n")
    .filter((part) => part !== "")
    .map((part) => JSON.parse(part.replace(/^data: /, "")));
  const parts = events.flatMap(({ candidates }) => candidates[0].content.parts);
  expect(parts.map((part) => part.text).join("")).toContain("Done: created hello.txt");
  expect(events.at(-1)).toMatchObject({ candidates: [{ finishReason: "STOP" }] });
  expect(models.requests("r1")).toMatchObject([
    { model: "gemini-x", prompt: "go", step: 0, stream: false },
    { step: 1, stream: true, credential: { header: "x-goog-api-key", value: "dummy-key" } },
  ]);
});

it("tells in the body how long to wait", async () => {
  const refused = await ask((await base("rate429long")).url, [prompt]);
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({
    error: { status: "RESOURCE_EXHAUSTED", details: [{ retryDelay: "3600s" }] },
  });
});

it("answers a question of the CLI's own in JSON", async () => {
  const asks = { generationConfig: { responseMimeType: "application/json" } };
  const answer = (await (await ask((await base("ok")).url, [prompt], asks)).json()) as {
    candidates: readonly { content: { parts: readonly { text: string }[] } }[];
  };
  const said = answer.candidates[0]?.content.parts.map(({ text }) => text).join("");
  expect(JSON.parse(said ?? "")).toHaveProperty("complexity_score");
});

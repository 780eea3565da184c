import { expect, it, onTestFinished } from "vitest";
import { startModelServer } from "./model-server.ts";

async function base(scenario: string) {
  const models = await startModelServer({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => models.close());
  return { models, url: models.url(scenario, "r1") };
}

const ask = (url: string, messages: readonly object[], more: object = {}) =>
  fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer dummy-key" },
    body: JSON.stringify({
      model: "m",
      messages,
      tools: [{ type: "function", function: { name: "bash" } }],
      ...more,
    }),
  });

const system = { role: "system", content: "be brief" };
const prompt = { role: "user", content: [{ type: "text", text: "go" }] };
const called = { role: "assistant", content: null };
const result = { role: "tool", content: "ran" };

it("follows a script by the conversation, whole and streamed", async () => {
  const { models, url } = await base("ok");
  expect(await (await ask(url, [system, prompt])).json()).toMatchObject({
    choices: [{ finish_reason: "tool_calls", message: { tool_calls: [{ type: "function" }] } }],
  });
  const streamed = await ask(url, [system, prompt, called, result], { stream: true });
  const text = await streamed.text();
  const events = text.split("\n\n").filter((part) => part !== "" && part !== "data: [DONE]");
  const chunks = events.map((part) => JSON.parse(part.replace(/^data: /, "")));
  const said = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
  expect(said).toBe("Done: created hello.txt and committed it.");
  expect(chunks.at(-1)).toMatchObject({ usage: { total_tokens: 11_055 } });
  expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  expect(models.requests("r1")).toMatchObject([
    { model: "m", system: "be brief", prompt: "go", step: 0 },
    { step: 1, toolResults: ["ran"], credential: { value: "Bearer dummy-key" } },
  ]);
});

it("refuses as such a provider does", async () => {
  const refused = await ask((await base("rate429")).url, [prompt]);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({ error: { code: "rate_limit_error" } });
});

import { expect, it, onTestFinished } from "vitest";
import { startModelServer } from "./model-server.ts";

type Json = Record<string, unknown>;

async function server() {
  const started = await startModelServer({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => started.close());
  return started;
}

const ask = (base: string, input: Json[], more: Json = {}) =>
  fetch(`${base}/v1/responses`, {
    method: "POST",
    headers: { authorization: "Bearer key" },
    body: JSON.stringify({ model: "gpt-5.5", instructions: "be brief", input, ...more }),
  });

const says = (text: string, role = "user") => ({
  ...{ type: "message", role },
  content: [{ type: "input_text", text }],
});
const environment = says("<environment_context>\n</environment_context>");
const call = { type: "function_call", name: "exec_command", arguments: "{}", call_id: "c1" };
const result = { type: "function_call_output", call_id: "c1", output: "ran" };

it("follows a script by the conversation alone, whatever the CLI says beside the prompt", async () => {
  const model = await server();
  const base = model.url("ok", "r1");
  const begun = [says("mind this", "developer"), environment, says("go")];
  const first = (await (await ask(base, begun)).json()) as Json;
  expect(first).toMatchObject({
    status: "completed",
    output: [{ type: "message" }, { type: "function_call", name: "exec_command" }],
    usage: { input_tokens: 10_512, input_tokens_details: { cached_tokens: 9_000 } },
  });
  const second = (await (await ask(base, [...begun, call, result])).json()) as Json;
  expect(second).toMatchObject({ output: [{ type: "message", role: "assistant" }] });
  const again = (await (await ask(base, [...begun, call, result, says("more")])).json()) as Json;
  expect(again).toMatchObject({ output: [{ type: "message" }, { type: "function_call" }] });
  expect(model.requests("r1")[1]).toMatchObject({
    ...{ prompt: "go", step: 1, toolResults: ["ran"], system: "be brief\nmind this" },
    credential: { header: "authorization", value: "Bearer key" },
  });
});

it("calls the shell in code where that is the tool", async () => {
  const base = (await server()).url([{ bash: "date" }], "r1");
  const tools = { type: "namespace", name: "functions", tools: [{ type: "custom", name: "exec" }] };
  const offered = { type: "additional_tools", role: "developer", tools: [tools] };
  expect(await (await ask(base, [offered, says("go")])).json()).toMatchObject({
    output: [{ type: "custom_tool_call", name: "exec", input: expect.stringContaining('"date"') }],
  });
});

it("streams the same answer that it gives whole", async () => {
  const base = (await server()).url("talks", "r1");
  const response = await ask(base, [says("go")], { stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const events = (await response.text())
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => JSON.parse(part.slice(part.indexOf("\ndata: ") + 7)) as Json);
  expect(events.at(0)).toMatchObject({ type: "response.created" });
  expect(events.at(-1)).toMatchObject({
    type: "response.completed",
    response: { output: [{ content: [{ text: "There is nothing to change." }] }] },
  });
  const said = events.flatMap(({ type, delta }) =>
    type === "response.output_text.delta" ? [delta] : [],
  );
  expect(said.join("")).toBe("There is nothing to change.");
});

it("refuses, and breaks off, as the provider does", async () => {
  const model = await server();
  const over = await ask(model.url("ctxlen", "r1"), [says("go")]);
  expect(over.status).toBe(400);
  expect(await over.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  const failed = await ask(model.url("failedquota", "r1"), [says("go")], { stream: true });
  expect(await failed.text()).toContain('"response.failed"');
  const cut = await ask(model.url("maxtokens", "r1"), [says("go")], { stream: true });
  expect(await cut.text()).toContain('"incomplete_details":{"reason":"max_output_tokens"}');
});

import { COMMIT_INSTRUCTION } from "@pitaya/plugins";
import { expect, it, onTestFinished } from "vitest";
import { type ModelServer, type ModelServerOptions, startModelServer } from "./model-server.ts";
import type { Step } from "./scenario.ts";

async function server(options: Partial<ModelServerOptions> = {}): Promise<ModelServer> {
  const started = await startModelServer({ host: "127.0.0.1", port: 0, ...options });
  onTestFinished(() => started.close());
  return started;
}

const BASH = { name: "Bash", description: "runs", input_schema: { type: "object" } };
type Json = Record<string, unknown>;

const ask = (base: string, messages: Json[], more: Json = {}, init: RequestInit = {}) =>
  fetch(`${base}/v1/messages?beta=true`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": "dummy-key" },
    body: JSON.stringify({ model: "sonnet", max_tokens: 100, tools: [BASH], messages, ...more }),
    ...init,
  });

const prompt = (text: string) => ({ role: "user", content: [{ type: "text", text }] });
const called = { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "Bash" }] };
const result = {
  role: "user",
  content: [{ type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "ran" }] }],
};

/** What an API client would have at the end of a stream. */
function readEvents(text: string) {
  const events = text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => JSON.parse(part.slice(part.indexOf("\ndata: ") + 7)) as Json);
  const blocks: { type: string; text: string; json: string; name?: string }[] = [];
  for (const event of events) {
    if (event["type"] === "content_block_start") {
      blocks.push({ text: "", json: "", ...(event["content_block"] as { type: string }) });
    }
    if (event["type"] === "content_block_delta") {
      const delta = event["delta"] as { text?: string; partial_json?: string };
      const block = blocks[event["index"] as number];
      if (!block) throw new Error("a delta without its block");
      block.text += delta.text ?? "";
      block.json += delta.partial_json ?? "";
    }
  }
  return { events, blocks, types: events.map((event) => event["type"]) };
}

it("follows a script by the conversation alone", async () => {
  const base = (await server()).url("ok", "r1");
  const first = (await (await ask(base, [prompt("go")])).json()) as Json;
  expect(first).toMatchObject({
    stop_reason: "tool_use",
    content: [{ type: "text" }, { type: "tool_use", name: "Bash" }],
  });
  const second = (await (await ask(base, [prompt("go"), called, result])).json()) as Json;
  expect(second).toMatchObject({ stop_reason: "end_turn", content: [{ type: "text" }] });
  const again = (await (await ask(base, [prompt("go")])).json()) as Json;
  expect(again).toMatchObject({ stop_reason: "tool_use" });
  const after = [prompt("go"), called, result, { role: "assistant", content: "Done" }];
  const fresh = (await (await ask(base, [...after, prompt("more")])).json()) as Json;
  expect(fresh).toMatchObject({ stop_reason: "tool_use" });
});

it("takes reminders, system entries and notices of background tasks for no prompt", async () => {
  const base = (await server()).url("ok", "r1");
  const messages = [
    { role: "system", content: "be brief" },
    prompt("go"),
    prompt("<system-reminder>\nmind the gap</system-reminder>"),
    called,
    result,
    prompt("<task-notification>a task ended</task-notification>"),
  ];
  expect(await (await ask(base, messages)).json()).toMatchObject({ stop_reason: "end_turn" });
});

it("streams the same answer that it gives whole", async () => {
  const base = (await server()).url("ok", "r1");
  const response = await ask(base, [prompt("go")], { stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const { types, blocks, events } = readEvents(await response.text());
  expect(types.at(0)).toBe("message_start");
  expect(types.at(-1)).toBe("message_stop");
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } });
  const whole = (await (await ask(base, [prompt("go")])).json()) as { content: Json[] };
  expect(blocks[0]?.text).toBe(whole.content[0]?.["text"]);
  expect(JSON.parse(blocks[1]?.json ?? "")).toEqual(whole.content[1]?.["input"]);
});

it("fails as often as a step says, for each id on its own", async () => {
  const models = await server();
  for (const id of ["r1", "r2"]) {
    const base = models.url("rate429once", id);
    const refused = await ask(base, [prompt("go")]);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ error: { type: "rate_limit_error" } });
    expect((await ask(base, [prompt("go")])).status).toBe(200);
  }
});

it("keeps failing where no number is given", async () => {
  const base = (await server()).url("auth401", "r1");
  for (const _ of [1, 2, 3]) expect((await ask(base, [prompt("go")])).status).toBe(401);
});

it("commits only if the instruction stands in the system text or in the prompt", async () => {
  const base = (await server()).url("commits-if-told", "r1");
  const commandOf = async (messages: Json[], more: Json = {}) => {
    const answer = (await (await ask(base, messages, more)).json()) as { content: Json[] };
    const input = answer.content[0]?.["input"] as { command: string } | undefined;
    return input?.command;
  };
  expect(await commandOf([prompt("go")])).not.toContain("git commit");
  expect(await commandOf([prompt(`go\n\n${COMMIT_INSTRUCTION}`)])).toContain("git commit");
  const system = [{ type: "text", text: `You are.\n${COMMIT_INSTRUCTION}` }];
  expect(await commandOf([prompt("go")], { system })).toContain("git commit");
});

it("records what each id asked and with what key", async () => {
  const models = await server();
  const both = models.requested("r1", 2);
  await ask(models.url("ok", "r1"), [prompt("go")], { system: "be good" });
  await ask(models.url("ok", "other"), [prompt("else")]);
  await ask(
    models.url("ok", "r1"),
    [prompt("go"), called, result],
    {},
    {
      headers: { authorization: "Bearer token-1" },
    },
  );
  expect(await both).toMatchObject([
    {
      system: "be good",
      prompt: "go",
      step: 0,
      model: "sonnet",
      tools: ["Bash"],
      stream: false,
      credential: { header: "x-api-key", value: "dummy-key" },
    },
    {
      step: 1,
      toolResults: ["ran"],
      credential: { header: "authorization", value: "Bearer token-1" },
    },
  ]);
  expect(models.requests("other")).toHaveLength(1);
});

it("takes scripts in the URL, from the test and as functions", async () => {
  const script: Step[] = [{ bash: ["true", "false"] }, { text: "both ran" }];
  const models = await server({ scenarios: { mine: [{ text: "named" }] } });
  const viaUrl = await (await ask(models.url(script, "r1"), [prompt("go")])).json();
  expect(viaUrl).toMatchObject({
    content: [{ input: { command: "true" } }, { input: { command: "false" } }],
  });
  expect(await (await ask(models.url("mine", "r1"), [prompt("go")])).json()).toMatchObject({
    content: [{ text: "named" }],
  });
  const echo = models.url((request) => ({ text: request.prompt.toUpperCase() }), "r1");
  expect(await (await ask(echo, [prompt("go")])).json()).toMatchObject({
    content: [{ text: "GO" }],
  });
});

it("begins an answer and drops the connection, then answers the whole request", async () => {
  const base = (await server()).url("drop", "r1");
  const broken = await ask(base, [prompt("go")], { stream: true });
  await expect(broken.text()).rejects.toThrow();
  expect((await ask(base, [prompt("go")])).status).toBe(200);
});

it("reports an error inside a stream", async () => {
  const base = (await server()).url("sseerror", "r1");
  const text = await (await ask(base, [prompt("go")], { stream: true })).text();
  expect(readEvents(text).types.at(-1)).toBe("error");
});

it("hangs and stalls until the agent leaves or the server closes", async () => {
  const models = await startModelServer({ host: "127.0.0.1", port: 0 });
  const silent = ask(models.url("hang", "r1"), [prompt("go")]).then(
    () => "answered",
    () => "dropped",
  );
  const stalled = await ask(models.url("hangmid", "r2"), [prompt("go")], { stream: true });
  const reader = stalled.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("message_start");
  await models.requested("r1", 1);
  const rest = expect(reader?.read()).rejects.toThrow();
  await models.close();
  expect(await silent).toBe("dropped");
  await rest;
});

it("waits as long as a step says before and between the pieces", async () => {
  const base = (await server()).url([{ text: "x".repeat(100), beforeMs: 30, betweenMs: 5 }], "r1");
  const started = performance.now();
  await (await ask(base, [prompt("go")], { stream: true })).text();
  expect(performance.now() - started).toBeGreaterThanOrEqual(30 + 5 * 7);
});

it("answers the probe of the CLI, and what it does not know with what it knows", async () => {
  const models = await server();
  const base = models.url("ok", "r1");
  expect((await fetch(`${base}/api/hello`, { method: "HEAD" })).status).toBe(200);
  const unknown = await ask(models.url("no-such", "r1"), [prompt("go")]);
  expect(unknown.status).toBe(404);
  expect(JSON.stringify(await unknown.json())).toContain("commits-if-told");
  expect((await fetch(`http://127.0.0.1:${models.port}/elsewhere`)).status).toBe(404);
  expect((await ask(base, [], {}, { body: "{" })).status).toBe(400);
  expect((await ask(models.url("script.bm9uc2Vuc2U", "r1"), [prompt("go")])).status).toBe(400);
});

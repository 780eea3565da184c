import { createHash } from "node:crypto";
import { COMMIT_INSTRUCTION, findPlugin } from "@pitaya/plugins";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { jsonLines } from "../support/pitaya.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

const KEYS = { OPENAI_API_KEY: "sk-e2e-none", GEMINI_API_KEY: "none", GROQ_API_KEY: "none" };
const AGENTS = [
  { plugin: "claude-code", args: [], path: "" },
  { plugin: "codex", args: ["--model", "gpt-5.5"], path: "/v1" },
  { plugin: "gemini", args: [], path: "" },
  { plugin: "opencode", args: ["--model", "groq/scripted"], path: "/v1" },
] as const;

/** Of this many bytes, all lines different, with characters of more than one byte. */
function longPrompt(bytes: number): string {
  let text = "Read this and say that you have read it.\n";
  for (let line = 0; text.length < bytes; line += 1)
    text += `line ${line}: "quoted" \\ $HOME äöü\n`;
  return text;
}
const PROMPTS = {
  "200 KiB": longPrompt(200 * 1024),
  "5 MB": longPrompt(5_000_000),
};
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

describe.each(Object.entries(PROMPTS))("a prompt of %s", { concurrent: true }, (_, prompt) => {
  it.each(AGENTS)("comes to the model of $plugin as it is", async ({ plugin, args, path }) => {
    const isLong = prompt.length > (findPlugin(plugin).longestMessageBytes ?? 0);
    const { url, id } = stack.modelFor((request) => {
      const [file] = /\/pitaya\/\S+\.md/.exec(request.prompt.slice(0, 1_000)) ?? [];
      if (file === undefined || request.step > 0) return { text: "I have read it." };
      return { bash: `sha256sum ${file}` };
    });
    const how = ["--plugin", plugin, ...args, "--base-url", `${url}${path}`, "--json"];
    const options = { cwd: await stack.repository(), env: KEYS, input: prompt };
    const { code, stdout, stderr } = await stack.user.run(["-", ...how], options);
    const failures = jsonLines(stdout).filter((line) => line["type"] === "task.failed");
    expect({ code, stderr, failures }).toMatchObject({ code: 0, failures: [] });
    const requests = stack.model.requests(id);
    const isTold = requests.some((request) => request.prompt.includes(prompt));
    const isRead = requests.some(({ toolResults }) => toolResults.join().includes(digest(prompt)));
    expect({ isTold, isRead }).toEqual({ isTold: !isLong, isRead: isLong });
  });

  it("comes to a program as it is", async () => {
    const argv = [
      "sh",
      "-c",
      '[ "$1" != -- ] || shift; { [ $# -gt 0 ] && printf %s "$1" || cat; } | sha256sum',
      "sh",
      "{prompt}",
    ];
    const env = { PITAYA_PLUGINS__DIGEST: JSON.stringify({ argv }) };
    const options = { cwd: await stack.repository(), env, input: prompt };
    const how = ["--plugin", "digest", "--json"];
    const { code, stdout, stderr } = await stack.user.run(["-", ...how], options);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const done = jsonLines(stdout).find((line) => line["type"] === "task.completed");
    expect(JSON.stringify(done)).toContain(digest(`${prompt}\n\n${COMMIT_INSTRUCTION}`));
  });
});

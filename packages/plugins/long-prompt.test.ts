import { PluginDeclaration } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { declaredPlugin } from "./command.ts";
import { agentCommand, LONGEST_MESSAGE_BYTES } from "./long-prompt.ts";
import { findPlugin, pluginNames } from "./registry.ts";

const AGENTS = pluginNames.filter((name) => name !== "command").map(findPlugin);
const long = "ä".repeat(LONGEST_MESSAGE_BYTES / 2 + 1);
const task = { prompt: long, cliArgs: [], model: "groq/some" };
const FILE = "/pitaya/exchange/in/prompt.md";
const text = (command: object) => JSON.stringify(command);

it.each(AGENTS)("$name is told to read a prompt that is too long for a message", (plugin) => {
  const { files, ...command } = agentCommand(plugin, task);
  expect(files?.["prompt.md"]).toBe(long);
  expect(text(command)).toContain(FILE);
  expect(text(command)).not.toContain("ää");
  const shorter = agentCommand(plugin, { ...task, prompt: long.slice(1) });
  expect(shorter.files?.["prompt.md"]).toBeUndefined();
  expect(text(shorter)).toContain("ää");
});

it("the file is there again when a conversation goes on", () => {
  const [plugin] = AGENTS;
  if (plugin === undefined) throw new Error("there is no plugin");
  const { files, ...command } = agentCommand(plugin, { ...task, prompt: "Go on." }, long);
  expect(files?.["prompt.md"]).toBe(long);
  expect(text(command)).toContain("Go on.");
  expect(text(command)).not.toContain(FILE);
});

it("a program gets it as its template says, however long", () => {
  const plugin = declaredPlugin("mine", PluginDeclaration.parse({ argv: ["x"] }));
  expect(agentCommand(plugin, task)).toEqual({ argv: ["x"], env: {}, stdin: long });
});

import { PluginDeclaration } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { declaredPlugin } from "./command.ts";
import { agentCommand } from "./long-prompt.ts";
import type { AgentPlugin } from "./plugin.port.ts";
import { findPlugin, pluginNames } from "./registry.ts";

const AGENTS = pluginNames.filter((name) => name !== "command").map(findPlugin);
const longFor = (plugin: AgentPlugin) => "ä".repeat((plugin.longestMessageBytes ?? 1e6) / 2 + 1);
const taskOf = (prompt: string) => ({ prompt, cliArgs: [], model: "groq/some" });
const FILE = "/pitaya/exchange/in/prompt.md";
const text = (command: object) => JSON.stringify(command);

it.each(AGENTS)("$name is told to read a prompt that is too long for a message", (plugin) => {
  const long = longFor(plugin);
  const { files, ...command } = agentCommand(plugin, taskOf(long));
  expect(files?.["prompt.md"]).toBe(long);
  expect(text(command)).toContain(FILE);
  expect(text(command)).not.toContain("ää");
  const shorter = agentCommand(plugin, taskOf(long.slice(1)));
  expect(shorter.files?.["prompt.md"]).toBeUndefined();
  expect(text(shorter)).toContain("ää");
});

it("the file is there again when a conversation goes on", () => {
  const [plugin] = AGENTS;
  if (plugin === undefined) throw new Error("there is no plugin");
  const long = longFor(plugin);
  const { files, ...command } = agentCommand(plugin, taskOf("Go on."), long);
  expect(files?.["prompt.md"]).toBe(long);
  expect(text(command)).toContain("Go on.");
  expect(text(command)).not.toContain(FILE);
});

it("a program gets it as its template says, however long", () => {
  const plugin = declaredPlugin("mine", PluginDeclaration.parse({ argv: ["x"] }));
  const long = longFor(plugin);
  expect(agentCommand(plugin, taskOf(long))).toEqual({ argv: ["x"], env: {}, stdin: long });
});

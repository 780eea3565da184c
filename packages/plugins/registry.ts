import { type AgentSpec, PitayaError } from "@pitaya/protocol";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { command, declaredPlugin } from "./command.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";
import type { AgentPlugin } from "./plugin.port.ts";

const PLUGINS: readonly AgentPlugin[] = [claudeCode, codex, gemini, opencode, command];

export const pluginNames: readonly string[] = PLUGINS.map(({ name }) => name);

/** @throws `usage`, naming those there are */
export function findPlugin(name: string): AgentPlugin {
  const found = PLUGINS.find((plugin) => plugin.name === name);
  if (found) return found;
  throw new PitayaError("usage", `there is no plugin "${name}"`, {
    hint: `plugins: ${pluginNames.join(", ")}`,
  });
}

/** The plugin that an agent is called by: one of ours, or the one declared with it. @throws `usage` */
export const pluginOf = ({
  plugin,
  declaration,
}: Pick<AgentSpec, "plugin" | "declaration">): AgentPlugin =>
  declaration === undefined ? findPlugin(plugin) : declaredPlugin(plugin, declaration);

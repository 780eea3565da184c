import { PitayaError } from "@pitaya/protocol";
import { claudeCode } from "./claude-code.ts";
import type { AgentPlugin } from "./plugin.port.ts";

const PLUGINS: readonly AgentPlugin[] = [claudeCode];

export const pluginNames: readonly string[] = PLUGINS.map(({ name }) => name);

/** @throws `usage`, naming those there are */
export function findPlugin(name: string): AgentPlugin {
  const found = PLUGINS.find((plugin) => plugin.name === name);
  if (found) return found;
  throw new PitayaError("usage", `there is no plugin "${name}"`, {
    hint: `plugins: ${pluginNames.join(", ")}`,
  });
}

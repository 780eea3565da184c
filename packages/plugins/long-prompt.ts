import { agentFile } from "./agent-file.ts";
import type { AgentCommand, AgentPlugin, AgentTask } from "./plugin.port.ts";

/**
 * A longer prompt is no message any more: claude-code knows that no model takes it, codex refuses what
 * has more than 1,048,576 characters.
 */
export const LONGEST_MESSAGE_BYTES = 512 * 1024;

const FILE = "prompt.md";
const READ_IT = `Your task is too long for a message. It stands in the file ${agentFile(FILE)}: read all of it, in parts where one look does not show it whole, and do what it says.`;

/**
 * How an agent is started on a task. A prompt that is longer than its messages may be is a file that
 * it is told to read; it is there too when the agent goes on with a conversation that began with it.
 *
 * @param prompt the task's own, where the agent is told something else now
 */
export function agentCommand(
  plugin: AgentPlugin,
  task: AgentTask,
  prompt: string = task.prompt,
): AgentCommand {
  const { longestMessageBytes = Number.POSITIVE_INFINITY } = plugin;
  if (new TextEncoder().encode(prompt).length <= longestMessageBytes) return plugin.command(task);
  const told = task.prompt === prompt ? { ...task, prompt: READ_IT } : task;
  const command = plugin.command(told);
  return { ...command, files: { ...command.files, [FILE]: prompt } };
}

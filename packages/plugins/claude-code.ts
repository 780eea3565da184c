import { claudeStreamParser } from "./claude-code-stream.ts";
import type { AgentPlugin, AgentTask } from "./plugin.port.ts";

/** Longest prompt on a command line; the kernel takes 128 KiB an argument. */
const MAX_ARGV_PROMPT_BYTES = 96 * 1024;

/**
 * The agent's environment beside its credential. The runner decides on attempts, so the CLI's own
 * retries are few: by default it tries ten times, for three minutes.
 */
const ENV = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  CLAUDE_CODE_MAX_RETRIES: "2",
  CLAUDE_CONFIG_DIR: "/home/agent/.claude",
  DISABLE_AUTOUPDATER: "1",
  API_TIMEOUT_MS: "600000",
} as const;

export const claudeCode: AgentPlugin = {
  name: "claude-code",
  defaultImage: "pitaya-agents:latest",
  defaultModel: "sonnet",
  program: "claude",
  baseUrlSource: "ANTHROPIC_BASE_URL",
  credentials: [
    {
      mode: "subscription",
      flag: "oauth-token",
      source: "CLAUDE_CODE_OAUTH_TOKEN",
      env: "CLAUDE_CODE_OAUTH_TOKEN",
    },
    { mode: "api", flag: "api-key", source: "ANTHROPIC_API_KEY", env: "ANTHROPIC_API_KEY" },
  ],
  capabilities: { resume: true, cost: true, tokens: true, maxTurns: true },
  check: (task) => (task.prompt.trim() === "" ? ["claude-code: prompt is empty"] : []),
  command(task) {
    const byStdin = Buffer.byteLength(task.prompt) > MAX_ARGV_PROMPT_BYTES;
    const baseUrl = task.baseUrl === undefined ? {} : { ANTHROPIC_BASE_URL: task.baseUrl };
    return {
      argv: ["claude", ...flags(task), ...(byStdin ? [] : promptWords(task.prompt))],
      env: { ...ENV, ...baseUrl },
      ...(byStdin ? { stdin: task.prompt } : {}),
    };
  },
  parser: (task) => claudeStreamParser({ resumed: task?.resumeSessionId !== undefined }),
};

function flags(task: AgentTask): string[] {
  const option = (name: string, value: string | number | undefined) =>
    value === undefined || value === "" ? [] : [name, String(value)];
  return [
    "-p",
    ...["--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
    ...option("--model", task.model),
    ...option("--append-system-prompt", task.appendSystemPrompt),
    ...option("--max-turns", task.maxTurns),
    ...option("--resume", task.resumeSessionId),
    ...task.cliArgs,
  ];
}

const promptWords = (prompt: string): string[] =>
  prompt.startsWith("-") ? ["--", prompt] : [prompt];

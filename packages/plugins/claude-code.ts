import { isLongArgument as isLong } from "./argument-bytes.ts";
import { claudeStreamParser } from "./claude-code-stream.ts";
import { LONGEST_MESSAGE_BYTES } from "./long-prompt.ts";
import { ownArguments } from "./own-arguments.rules.ts";
import type { AgentPlugin, AgentTask } from "./plugin.port.ts";

/**
 * The agent's environment beside its credential. The runner decides on attempts, so the CLI's own
 * retries are few: by default it tries ten times, for three minutes, also where a key is refused.
 * A request may go unanswered for five minutes: answers that are not streamed take that long.
 */
const ENV = {
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  CLAUDE_CODE_MAX_RETRIES: "2",
  CLAUDE_CONFIG_DIR: "/home/agent/.claude",
  DISABLE_AUTOUPDATER: "1",
  API_TIMEOUT_MS: "300000",
} as const;

export const claudeCode: AgentPlugin = {
  name: "claude-code",
  defaultImage: "pitaya-agents:latest",
  longestMessageBytes: LONGEST_MESSAGE_BYTES,
  defaultModel: "sonnet",
  baseUrlSource: "ANTHROPIC_BASE_URL",
  baseUrl: "https://api.anthropic.com",
  credentials: [
    {
      mode: "subscription",
      flag: "oauth-token",
      source: "CLAUDE_CODE_OAUTH_TOKEN",
      env: "CLAUDE_CODE_OAUTH_TOKEN",
    },
    { mode: "api", flag: "api-key", source: "ANTHROPIC_API_KEY", env: "ANTHROPIC_API_KEY" },
  ],
  capabilities: { resume: true, cost: true, tokens: true, maxTurns: true, outputSchema: true },
  check: (task) => problemsOf(task).map((problem) => `claude-code: ${problem}`),
  command(task) {
    const byStdin = isLong(task.prompt);
    const baseUrl = task.baseUrl === undefined ? {} : { ANTHROPIC_BASE_URL: task.baseUrl };
    return {
      // Without `--` an option that takes several values, such as --allowedTools, takes the prompt.
      argv: ["claude", ...flags(task), ...(byStdin ? [] : ["--", task.prompt])],
      env: { ...ENV, ...baseUrl },
      ...(byStdin ? { stdin: task.prompt } : {}),
    };
  },
  sessionFiles: (sessionId) =>
    SESSION_ID.test(sessionId) ? [`.claude/projects/-workspace/${sessionId}.jsonl`] : [],
  parser: (task) =>
    claudeStreamParser({
      resumed: task?.resumeSessionId !== undefined,
      wantsOutput: task?.outputSchema !== undefined,
    }),
};

const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function flags(task: AgentTask): string[] {
  const option = (name: string, value: string | number | undefined) =>
    value === undefined || value === "" ? [] : [name, String(value)];
  return [
    "-p",
    ...["--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
    ...option("--model", task.model),
    ...option("--system-prompt", task.systemPrompt),
    ...option("--append-system-prompt", toldBeside(task)),
    ...option("--max-turns", task.maxTurns),
    ...option("--json-schema", task.outputSchema && JSON.stringify(task.outputSchema)),
    ...option("--resume", task.resumeSessionId),
    ...task.cliArgs,
  ];
}

/** The CLI keeps the last one of several, so they are one. */
const toldBeside = ({ appendSystemPrompt, instruction }: AgentTask): string =>
  [appendSystemPrompt, instruction].filter((text) => text).join("\n\n");

/** What the CLI is told by us, and reads wrongly when it is told twice. */
const OURS = ["-p", "--print", "--output-format", "--input-format", "--resume", "-r", "--"];

function problemsOf(task: AgentTask): string[] {
  const { prompt, cliArgs, maxTurns, outputSchema } = task;
  const texts = {
    systemPrompt: task.systemPrompt ?? "",
    appendSystemPrompt: toldBeside(task),
    outputSchema: outputSchema === undefined ? "" : JSON.stringify(outputSchema),
  };
  const problems: string[] = [];
  if (prompt.trim() === "") problems.push("prompt is empty");
  for (const [field, text] of Object.entries(texts)) {
    if (isLong(text)) problems.push(`${field} is over 96 KiB`);
  }
  if (cliArgs.some(isLong)) problems.push("an argument in cliArgs is over 96 KiB");
  problems.push(...ownArguments(cliArgs, OURS));
  if (maxTurns !== undefined && !(Number.isSafeInteger(maxTurns) && maxTurns > 0)) {
    problems.push("maxTurns is not a positive whole number");
  }
  const words = { prompt, ...texts, cliArgs: cliArgs.join("") };
  for (const [field, text] of Object.entries(words)) {
    if (text.includes("\0")) problems.push(`${field} holds a NUL character`);
  }
  return problems;
}

import { agentFile } from "./agent-file.ts";
import { isLongArgument as isLong } from "./argument-bytes.ts";
import { geminiStreamParser } from "./gemini-stream.ts";
import { ownArguments } from "./own-arguments.rules.ts";
import type { AgentPlugin, AgentTask, Provider } from "./plugin.port.ts";
import { keyOf } from "./providers.ts";

/** Always given: where it is not, the CLI looks for one in a `.env` file of the repository. */
const ADDRESS = "https://generativelanguage.googleapis.com";

/** Names of the files it is given: it takes settings and a system prompt in no other way. */
const SETTINGS = "gemini-settings.json";
const SYSTEM_PROMPT = "gemini-system.md";

/**
 * Settings above the user's and the repository's own. With a base URL the CLI does not choose the
 * key by itself. The runner decides on attempts, so its own retries are few: ten by default.
 */
const settingsFor = ({ maxTurns }: AgentTask) => ({
  security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
  privacy: { usageStatisticsEnabled: false },
  telemetry: { enabled: false },
  general: {
    enableAutoUpdate: false,
    enableAutoUpdateNotification: false,
    maxAttempts: 3,
    // A conversation that an attempt goes on with may be older than what it clears away.
    sessionRetention: { enabled: false },
  },
  ...(maxTurns !== undefined && { model: { maxSessionTurns: maxTurns } }),
});

/** By its own interface: that of OpenAI's kind, which other plugins use, has another address. */
const PROVIDER: Provider = {
  name: "gemini",
  key: "GEMINI_API_KEY",
  baseUrlSource: "GEMINI_BASE_URL",
  baseUrl: ADDRESS,
  speaks: "gemini",
};

/**
 * It prints the prompt, and when it ends, what its reader has not taken yet is lost but for the
 * 64 KiB of a pipe: its result too, on a busy machine. As JSON a text may be twice as long.
 */
const LONGEST_ECHO_BYTES = 32 * 1024;

export const gemini: AgentPlugin = {
  name: "gemini",
  defaultImage: "pitaya-agents:latest",
  longestMessageBytes: LONGEST_ECHO_BYTES,
  baseUrlSource: "GOOGLE_GEMINI_BASE_URL",
  baseUrl: ADDRESS,
  credentials: [keyOf(PROVIDER), keyOf(PROVIDER, "GOOGLE_API_KEY")],
  providers: [PROVIDER],
  capabilities: { resume: true, cost: true, tokens: true, maxTurns: true, outputSchema: false },
  check: (task) => problemsOf(task).map((problem) => `gemini: ${problem}`),
  command(task) {
    const { baseUrl = ADDRESS, systemPrompt } = task;
    const prompt = toldIn(task);
    const byStdin = isLong(prompt);
    return {
      // One word, or a prompt that begins with a dash is taken for options.
      argv: ["gemini", ...flags(task), ...(byStdin ? [] : [`--prompt=${prompt}`])],
      env: {
        GEMINI_CLI_NO_RELAUNCH: "true",
        GEMINI_CLI_SYSTEM_SETTINGS_PATH: agentFile(SETTINGS),
        GEMINI_SANDBOX: "false",
        GOOGLE_GEMINI_BASE_URL: baseUrl,
        ...(systemPrompt && { GEMINI_SYSTEM_MD: agentFile(SYSTEM_PROMPT) }),
      },
      files: {
        [SETTINGS]: JSON.stringify(settingsFor(task)),
        ...(systemPrompt && { [SYSTEM_PROMPT]: systemPrompt }),
      },
      ...(byStdin && { stdin: prompt }),
    };
  },
  sessionFiles: (sessionId) =>
    SESSION_ID.test(sessionId)
      ? [`.gemini/tmp/workspace/chats/session-*-${sessionId.slice(0, 8)}.jsonl`]
      : [],
  parser: (task) => geminiStreamParser({ resumed: task?.resumeSessionId !== undefined }),
};

const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** It has no way to add to its system prompt. */
const toldIn = ({ prompt, instruction }: AgentTask): string =>
  instruction ? `${prompt}\n\n${instruction}` : prompt;

function flags({ model, resumeSessionId, cliArgs }: AgentTask): string[] {
  return [
    ...["--output-format", "stream-json", "--yolo", "--skip-trust"],
    ...(model ? ["--model", model] : []),
    ...(resumeSessionId === undefined ? [] : ["--resume", resumeSessionId]),
    ...cliArgs,
  ];
}

/** What the CLI is told by us, and reads wrongly when it is told twice. */
const OURS = [
  ...["-p", "--prompt", "-i", "--prompt-interactive", "-o", "--output-format"],
  ...["-r", "--resume", "--session-id", "--session-file", "--acp", "--"],
];

function problemsOf(task: AgentTask): string[] {
  const { prompt, cliArgs, maxTurns, systemPrompt = "" } = task;
  const problems: string[] = [];
  if (prompt.trim() === "") problems.push("prompt is empty");
  if (task.appendSystemPrompt) {
    problems.push("appendSystemPrompt: it takes a systemPrompt of its own, or none");
  }
  if (task.outputSchema !== undefined) problems.push("outputSchema cannot be passed on to it");
  if (isLong(systemPrompt)) problems.push("systemPrompt is over 96 KiB");
  if (cliArgs.some(isLong)) problems.push("an argument in cliArgs is over 96 KiB");
  problems.push(...ownArguments(cliArgs, OURS));
  if (maxTurns !== undefined && !(Number.isSafeInteger(maxTurns) && maxTurns > 0)) {
    problems.push("maxTurns is not a positive whole number");
  }
  for (const [field, text] of Object.entries({ prompt, systemPrompt, cliArgs: cliArgs.join("") })) {
    if (text.includes("\0")) problems.push(`${field} holds a NUL character`);
  }
  return problems;
}

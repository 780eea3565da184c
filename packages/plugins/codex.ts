import { agentFile } from "./agent-file.ts";
import { isLongArgument as isLong } from "./argument-bytes.ts";
import { LOG_FILTER } from "./codex-log.ts";
import { codexStreamParser } from "./codex-stream.ts";
import { LONGEST_MESSAGE_BYTES } from "./long-prompt.ts";
import { ownArguments } from "./own-arguments.rules.ts";
import type { AgentPlugin, AgentTask } from "./plugin.port.ts";
import { keyOf, OPENAI_LIKE, openai } from "./providers.ts";

/** Names of the files it is given: it takes these texts in no other way. */
const SYSTEM_PROMPT = "codex-system.md";
const OUTPUT_SCHEMA = "codex-output-schema.json";

/** The provider's name in the CLI's configuration: its own built-in ones cannot be configured. */
const PROVIDER = "pitaya";

export const codex: AgentPlugin = {
  name: "codex",
  defaultImage: "pitaya-agents:latest",
  longestMessageBytes: LONGEST_MESSAGE_BYTES,
  credentials: [keyOf(openai, "CODEX_API_KEY"), ...OPENAI_LIKE.map((provider) => keyOf(provider))],
  providers: OPENAI_LIKE,
  asks: "responses",
  providerVariables: {
    provider: "CODEX_MODEL_PROVIDER",
    keyName: "CODEX_ENV_KEY",
    key: "CODEX_API_KEY",
    baseUrl: "CODEX_BASE_URL",
  },
  capabilities: { resume: true, cost: true, tokens: true, maxTurns: false, outputSchema: true },
  check: (task) => problemsOf(task).map((problem) => `codex: ${problem}`),
  command(task) {
    const { prompt, resumeSessionId, systemPrompt, outputSchema } = task;
    const byStdin = isLong(prompt);
    const files = {
      ...(systemPrompt && { [SYSTEM_PROMPT]: systemPrompt }),
      ...(outputSchema && { [OUTPUT_SCHEMA]: JSON.stringify(outputSchema) }),
    };
    return {
      argv: [
        ...["codex", "exec", ...(resumeSessionId === undefined ? [] : ["resume"])],
        ...flags(task),
        ...task.cliArgs,
        // Without `--` an option that takes several values, such as --image, takes the prompt.
        ...["--", ...(resumeSessionId === undefined ? [] : [resumeSessionId])],
        byStdin ? "-" : prompt,
      ],
      env: { RUST_LOG: LOG_FILTER },
      ...(byStdin && { stdin: prompt }),
      ...(Object.keys(files).length > 0 && { files }),
    };
  },
  sessionFiles: (sessionId) =>
    SESSION_ID.test(sessionId) ? [`.codex/sessions/*/*/*/rollout-*-${sessionId}.jsonl`] : [],
  parser: (task) =>
    codexStreamParser({
      resumed: task?.resumeSessionId !== undefined,
      wantsOutput: task?.outputSchema !== undefined,
    }),
};

const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** As its configuration has it: TOML. Its strings are JSON's, but for one character. */
const quoted = (text: string): string =>
  JSON.stringify(text.toWellFormed()).replaceAll("\u007f", "\\u007f");

const config = (key: string, value: string | number | boolean): string[] => [
  "-c",
  `${key}=${typeof value === "string" ? quoted(value) : value}`,
];

function flags(task: AgentTask): string[] {
  const { model, systemPrompt, outputSchema } = task;
  const beside = toldBeside(task);
  return [
    // The container is the sandbox; the CLI's own needs namespaces, which it has none of.
    ...["--json", "--dangerously-bypass-approvals-and-sandbox", "--skip-git-repo-check"],
    // Neither is for an agent that nobody watches: they call other hosts at each start.
    ...["--disable", "plugins", "--disable", "apps"],
    ...config("analytics.enabled", false),
    ...config("check_for_update_on_startup", false),
    ...providerFlags(task),
    ...(model ? ["--model", model] : []),
    ...(systemPrompt ? config("model_instructions_file", agentFile(SYSTEM_PROMPT)) : []),
    ...(beside ? config("developer_instructions", beside) : []),
    ...(outputSchema ? ["--output-schema", agentFile(OUTPUT_SCHEMA)] : []),
  ];
}

/**
 * The runner decides on attempts, so the CLI's own retries are few: by default it tries thirty times,
 * and without end where nobody answers.
 */
function providerFlags({ provider, baseUrl }: AgentTask): string[] {
  const name = provider?.name ?? openai.name;
  const keyEnv = provider === undefined ? openai.key : provider.keyEnv;
  const key = `model_providers.${PROVIDER}`;
  return [
    ...config("model_provider", PROVIDER),
    ...config(`${key}.name`, name),
    ...config(`${key}.base_url`, baseUrl ?? addressOf(name) ?? ""),
    ...(keyEnv === undefined ? [] : config(`${key}.env_key`, keyEnv)),
    ...config(`${key}.wire_api`, "responses"),
    ...config(`${key}.request_max_retries`, 1),
    ...config(`${key}.stream_max_retries`, 2),
    ...config(`${key}.stream_idle_timeout_ms`, 300_000),
    ...["--disable", "unbounded_connection_retries"],
  ];
}

const addressOf = (name: string): string | undefined =>
  OPENAI_LIKE.find((provider) => provider.name === name)?.baseUrl;

/** Told to the model as the developer's words, beside the system prompt. */
const toldBeside = ({ appendSystemPrompt, instruction }: AgentTask): string =>
  [appendSystemPrompt, instruction].filter((text) => text).join("\n\n");

/** What the CLI is told by us, and takes only once, or what it cannot be watched or gone on with. */
const OURS = [
  ...["--json", "--output-schema", "-C", "--cd", "--worktree", "--ephemeral", "-s", "--sandbox"],
  ...["resume", "fork", "review", "--"],
];

function problemsOf(task: AgentTask): string[] {
  const { prompt, cliArgs, maxTurns, provider, baseUrl, systemPrompt = "" } = task;
  const beside = toldBeside(task);
  const problems: string[] = [];
  if (prompt.trim() === "") problems.push("prompt is empty");
  if (maxTurns !== undefined) problems.push("maxTurns: it has no limit of turns");
  if (isLong(beside)) problems.push("appendSystemPrompt is over 96 KiB");
  if (cliArgs.some(isLong)) problems.push("an argument in cliArgs is over 96 KiB");
  problems.push(...ownArguments(cliArgs, OURS));
  if (baseUrl === undefined && provider && addressOf(provider.name) === undefined) {
    problems.push(`baseUrl: the address of the provider ${provider.name} is not known`);
  }
  const words = { prompt, systemPrompt, appendSystemPrompt: beside, cliArgs: cliArgs.join("") };
  for (const [field, text] of Object.entries(words)) {
    if (text.includes("\0")) problems.push(`${field} holds a NUL character`);
  }
  return problems;
}

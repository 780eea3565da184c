import { agentFile } from "./agent-file.ts";
import { isLongArgument as isLong } from "./argument-bytes.ts";
import { LONGEST_MESSAGE_BYTES } from "./long-prompt.ts";
import { opencodeStreamParser } from "./opencode-stream.ts";
import { ownArguments } from "./own-arguments.rules.ts";
import type { AgentPlugin, AgentTask, Provider } from "./plugin.port.ts";
import { anthropic, keyOf, OPENAI_LIKE } from "./providers.ts";

/** Those that the CLI knows under the same names, with an address of their own. */
const KNOWN = ["openai", "openrouter", "groq", "mistral", "deepseek"];
const PROVIDERS: readonly Provider[] = [
  // Its address as others write it: `addressFor` adds the version.
  { ...anthropic, baseUrl: "https://api.anthropic.com" },
  ...OPENAI_LIKE.filter(({ name }) => KNOWN.includes(name)),
];

/**
 * Files of ours: what the CLI adds to its system prompt, and what it has instead of it. In the
 * configuration itself it would look for variables to put in.
 */
const INSTRUCTIONS = "opencode-instructions.md";
const SYSTEM_PROMPT = "opencode-system.md";

/** Nothing but the agent's own requests, as far as it can be told. */
const ENV = {
  OPENCODE_DISABLE_AUTOUPDATE: "1",
  OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
  OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  OPENCODE_DISABLE_MODELS_FETCH: "1",
  OPENCODE_DISABLE_SHARE: "1",
} as const;

export const opencode: AgentPlugin = {
  name: "opencode",
  defaultImage: "pitaya-agents:latest",
  longestMessageBytes: LONGEST_MESSAGE_BYTES,
  credentials: PROVIDERS.map((provider) => keyOf(provider)),
  providers: PROVIDERS,
  providerOf: (model) => nameOf(model),
  capabilities: { resume: true, cost: true, tokens: true, maxTurns: false, outputSchema: false },
  check: (task) => problemsOf(task).map((problem) => `opencode: ${problem}`),
  command(task) {
    const { model, resumeSessionId, cliArgs, prompt, systemPrompt } = task;
    const beside = toldBeside(task);
    const files = {
      ...(beside !== "" && { [INSTRUCTIONS]: beside }),
      ...(systemPrompt && { [SYSTEM_PROMPT]: systemPrompt }),
    };
    return {
      argv: [
        // Its log is all that tells of requests that it makes again.
        ...["opencode", "run", "--format", "json", "--print-logs", "--log-level", "ERROR"],
        ...(model ? ["--model", model] : []),
        ...(resumeSessionId === undefined ? [] : ["--session", resumeSessionId]),
        ...cliArgs,
      ],
      env: { ...ENV, OPENCODE_CONFIG_CONTENT: JSON.stringify(configFor(task)) },
      // On the command line it would be put in quotes, and the model would see them.
      stdin: prompt,
      ...(Object.keys(files).length > 0 && { files }),
    };
  },
  // All of its sessions, in a database. What was not moved into its first file is in the other one.
  sessionFiles: (sessionId) => (SESSION_ID.test(sessionId) ? [DATABASE, `${DATABASE}-wal`] : []),
  parser: (task) => opencodeStreamParser({ resumed: task?.resumeSessionId !== undefined }),
};

const SESSION_ID = /^ses_[0-9A-Za-z]{20,40}$/;
const DATABASE = ".local/share/opencode/opencode.db";

/** Of a model named `provider/model`. */
const nameOf = (model = ""): string | undefined =>
  model.includes("/") ? model.slice(0, model.indexOf("/")) : undefined;

const toldBeside = ({ appendSystemPrompt, instruction }: AgentTask): string =>
  [appendSystemPrompt, instruction].filter((text) => text).join("\n\n");

/** Anthropic's own address has no version, which this CLI wants. */
const addressFor = (provider: string, baseUrl: string): string =>
  provider === "anthropic" ? `${baseUrl.replace(/(\/v1)?\/*$/, "")}/v1` : baseUrl;

/** Holds the name of the variable with the key, and not the key. */
function configFor(task: AgentTask) {
  const { model = "", systemPrompt } = task;
  const name = task.provider?.name ?? nameOf(model) ?? anthropic.name;
  const known = PROVIDERS.find((provider) => provider.name === name);
  const key = task.provider?.keyEnv ?? known?.key;
  // Always given: where it is not, the repository's own configuration may give one.
  const baseUrl = task.baseUrl ?? known?.baseUrl;
  const modelId = model.slice(model.indexOf("/") + 1);
  return {
    autoupdate: false,
    share: "disabled",
    snapshot: false,
    permission: "allow",
    enabled_providers: [name],
    // A title is asked of another model, and nobody sees it.
    agent: {
      title: { disable: true },
      ...(systemPrompt && { build: { prompt: `{file:${agentFile(SYSTEM_PROMPT)}}` } }),
    },
    ...(toldBeside(task) !== "" && { instructions: [agentFile(INSTRUCTIONS)] }),
    provider: {
      [name]: {
        options: {
          ...(key !== undefined && { apiKey: `{env:${key}}` }),
          ...(baseUrl !== undefined && { baseURL: addressFor(name, baseUrl) }),
        },
        // Also one that it has not heard of goes to the provider as it is.
        ...(modelId !== "" && { models: { [modelId]: {} } }),
      },
    },
  };
}

/** What the CLI is told by us, and reads wrongly when it is told twice. */
const OURS = [
  ...["-s", "--session", "-c", "--continue", "--fork", "--format", "-m", "--model"],
  ...["--attach", "-i", "--interactive", "--command", "--print-logs", "--log-level", "--"],
];

function problemsOf(task: AgentTask): string[] {
  const { prompt, cliArgs, model, systemPrompt = "" } = task;
  const texts = { systemPrompt, appendSystemPrompt: toldBeside(task) };
  const problems: string[] = [];
  if (prompt.trim() === "") problems.push("prompt is empty");
  if (task.maxTurns !== undefined) problems.push("maxTurns: it has no limit that ends it");
  if (task.outputSchema !== undefined) problems.push("outputSchema cannot be passed on to it");
  const provider = nameOf(model);
  if (model && !PROVIDERS.some(({ name }) => name === provider)) {
    const names = PROVIDERS.map(({ name }) => `${name}/…`).join(", ");
    problems.push(`model ${model} names no provider of its: ${names}`);
  } else if (model && task.provider && task.provider.name !== provider) {
    problems.push(`model ${model} is not one of ${task.provider.name}, whose key it has`);
  }
  for (const [field, text] of Object.entries(texts)) {
    if (isLong(text)) problems.push(`${field} is over 96 KiB`);
  }
  if (cliArgs.some(isLong)) problems.push("an argument in cliArgs is over 96 KiB");
  problems.push(...ownArguments(cliArgs, OURS));
  for (const [field, text] of Object.entries({ prompt, ...texts, cliArgs: cliArgs.join("") })) {
    if (text.includes("\0")) problems.push(`${field} holds a NUL character`);
  }
  return problems;
}

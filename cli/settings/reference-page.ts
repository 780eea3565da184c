import { strategyNames } from "@pitaya/strategies";
import { FLAG_NAMES, flagSpec } from "../command-line/flags.ts";
import { FORMER_KEYS } from "./former-keys.rules.ts";
import { FLAG_ONLY, variablesOf } from "./from-env.rules.ts";
import { type JsonSchema, settingsJsonSchema } from "./json-schema.ts";
import { SETTING_KEYS, type SettingKey } from "./keys.ts";
import { shownSetting } from "./shown-setting.rules.ts";

const INTRODUCTION = `# Configuration

<!-- Made from the schema of the settings (cli/settings); a test holds it to that. -->

Nothing has to be configured. What is, comes from the first of these places that says it, key by key:

1. a flag of the command;
2. the environment: \`PITAYA_RUNNER__TIMEOUT\` is \`runner.timeout\`, levels by two underscores and dashes as one;
3. \`.env\` at the root of the repository;
4. the project's file: \`pitaya.yaml\` at the root of the repository, or the one \`--config\` names;
5. your own file: \`~/.config/pitaya/config.yaml\` (\`$XDG_CONFIG_HOME/pitaya/config.yaml\` where that is set), then \`~/.pitaya/config.yaml\`;
6. the default.

\`pitaya config print\` shows what a run would really use, and the place of each value; it takes the flags of a run, and \`--json\`.

\`\`\`yaml
model: sonnet
runner:
  timeout: 3600
  memory_limit: 4g
strategies:
  best-of-n:
    n: 5
\`\`\`

A setting that there is not, or a value that does not fit, is an error with file and line. Files are plain YAML of at most 128 KiB: no aliases, no tags. \`cli/settings/pitaya.schema.json\` is a JSON Schema for editors; with the YAML language server a first line \`# yaml-language-server: $schema=<its path>\` uses it.

## Credentials

They belong into the environment or into \`.env\`, never into a project's file, which is refused with one. \`CLAUDE_CODE_OAUTH_TOKEN\`, or \`ANTHROPIC_API_KEY\` with \`ANTHROPIC_BASE_URL\` for another address; the other plugins' are in [plugins.md](plugins.md), and a declared plugin names its own. A variable of the environment goes before the same one in \`.env\`, and \`--oauth-token\`, \`--api-key\` and \`--base-url\` before both.

An agent gets the credential its plugin needs, under the name it needs, and nothing else of your environment. A run's credentials are nowhere stored. What is kept or shown of a run, output, events, errors, results and conversations, has them taken out wherever they stand: the values in use, also as JSON, URLs and base64 (folded or not) write them, and what has the shape of a key, a token or a private key. A commit that holds a value in use, in one of these forms, is not kept at all.

\`logging.redaction.custom_patterns\` adds patterns of your own: literals, \`.\`, classes, \`\\d \\w \\s\`, groups, \`|\`, \`* + ? {m,n}\`, \`(?i)\` at the beginning, \`\\b\` at either end, and \`\\K\` after what must stand before the secret but is kept. Matching takes time in proportion to the text whatever the text is, so there are no back references, no other look-around, and patterns that would take too many steps are refused.

\`pitaya config print\` shows which credentials are there, and not what they are. With \`--redact false\`, and \`PITAYA_ALLOW_UNREDACTED=1\` in the environment, it shows that too; nothing else does.

## What a repository may not decide

A repository that you cloned was written by somebody else. What decides where a credential or your code goes, or what is run or written on your machine, holds from a file inside the repository only after you have said yes to that file as it is:

| setting | decides |
|---|---|
| \`nats.url\`, \`nats.creds\` | which server gets the code |
| \`coordinator.allow_custom_code\` | whether code of one's own makes runs |
| \`runner.docker_image\` | which program gets the code and the credential |
| \`plugins.<name>\` | which program gets the code and the credential |
| \`strategies.<name>.verify\` | which program gets the code |
| \`runner.network_allow\` | where the code may go |
| \`runner.extra_ca\` | whom agents believe with the credential |
| \`runner.network_egress\`, where your own file says less | that agents reach more of the network |
| \`logging.redaction.custom_patterns\` | what you get to see |
| \`orchestration.allow_overwrite_protected_refs\`, switched on | whether protected branches are overwritten |
| \`strategy\`, where it is none of Pitaya's own | which code makes the run |
| \`logs_dir\`, \`results_dir\`, where they lead out of the repository | what is written elsewhere |
| \`…_BASE_URL\`, \`CODEX_MODEL_PROVIDER\` and \`CODEX_ENV_KEY\` in \`.env\` | where the credential goes |
| a credential in a \`.env\` that git tracks | whose account gets to see the code |

Until then a command that would use such a value ends with exit code 2 and names it and its file. \`pitaya trust\` shows what the repository's files would decide, asks, and records each file's path and content in \`~/.config/pitaya/trusted.json\`; without a terminal, \`pitaya trust --yes\` is the yes. \`--yes\` of another command is none. A file that changes afterwards needs a new yes. Where a file names a strategy's code in the repository, \`pitaya trust\` shows the files of that code too, and a yes is to all of them with what they import as it is: one that changes needs a new yes. A value that a flag or the environment replaces, or that the command does not use (a plugin that no agent is, a parameter of another strategy), decides nothing and needs none.

Some things no yes allows: an address in \`.env\` is only for a credential in \`.env\`, never for one of your environment or of a flag (a provider named there may get that provider's own key); a file that a repository's file names by a parameter lies in the repository and is not hidden; \`pitaya.yaml\` and \`.env\` are no links that lead out of the repository; \`.pitaya\` is a directory and no link, and \`logs_dir\` and \`results_dir\` do not lead out of the repository by a link, nor into \`.git\`.
`;

/** The page of docs/ about settings. */
export function referencePage(): string {
  const { properties = {} } = settingsJsonSchema();
  const groups = new Map<string, SettingKey[]>();
  for (const key of SETTING_KEYS) {
    if (FLAG_ONLY.has(key)) continue;
    const group = key.includes(".") ? (key.split(".")[0] ?? "") : "";
    groups.set(group, [...(groups.get(group) ?? []), key]);
  }
  const schemaOf = (key: string) =>
    key
      .split(".")
      .reduce<JsonSchema | undefined>((at, name) => at?.properties?.[name], { properties });
  const tables = [...groups].map(([group, keys]) => {
    const rows = keys.map((key) => settingRow(key, schemaOf(key) ?? {}));
    return [`## ${group === "" ? "First level" : `\`${group}\``}`, "", ...HEAD, ...rows, ""].join(
      "\n",
    );
  });
  const text = [INTRODUCTION, ...tables, strategiesPart(), pluginsPart(properties), formerPart()];
  return text.join("\n");
}

const HEAD = ["| key | default | flag | environment | |", "|---|---|---|---|---|"];

function settingRow(key: SettingKey, schema: JsonSchema): string {
  const flags = FLAG_NAMES.filter((name) => flagSpec(name).setting === key);
  const flag = flags.map((name) => `\`--${name}\``).join(", ");
  const [variable = ""] = variablesOf(key);
  const preset = schema["default"];
  const shown = preset === undefined ? "" : `\`${shownSetting(key, preset)}\``;
  const values = enumOf(schema);
  const meaning = [schema["description"], values && `One of ${values}.`].filter(Boolean).join(" ");
  return `| \`${key}\` | ${shown} | ${flag} | \`${variable}\` | ${cell(meaning)} |`;
}

const enumOf = (schema: JsonSchema): string | undefined =>
  Array.isArray(schema["enum"])
    ? schema["enum"].map((value) => `\`${String(value)}\``).join(", ")
    : undefined;

const cell = (text: string) => text.replaceAll("|", "\\|");

function strategiesPart(): string {
  const names = strategyNames.map((name) => `\`${name}\``).join(", ");
  return `## \`strategies\`

\`strategies.<name>.<parameter>\`: parameters of a strategy, as \`-S\` gives them for the one that is run; \`-S\` goes before the file. Those of Pitaya's own strategies are checked whichever is run; a name that is neither one of them nor the strategy of the run is warned of. Of Pitaya's own there are ${names}; \`pitaya config print --strategy <name>\` shows the parameters of one, with their defaults.

\`-S key=value\` is JSON where it parses as JSON, otherwise text. The strategy's schema then reads true, yes, on, 1 and their opposites in any case as booleans, and text with commas as a list. \`--model\` and \`--include-branches\` on the command line go before \`model\` and \`include_branches\` of a strategy in a file.

A parameter that names a file is read when the run is submitted: \`~\` and \`$VAR\` are filled in, the root of the repository is looked in first, then the working directory, and what is not committed counts.
`;
}

function pluginsPart(properties: Record<string, JsonSchema>): string {
  const plugin = properties["plugins"]?.["additionalProperties"] as JsonSchema;
  const keys = Object.keys(plugin.properties ?? {}).map((key) => `\`${key}\``);
  return `## \`plugins\`

\`plugins.<name>\`: a program as an agent, for \`--plugin <name>\`, with ${keys.join(", ")}:

\`\`\`yaml
plugins:
  my-agent:
    argv: [my-agent, --model, "{model}", "{prompt}"]
    output: text
    image: my-agents:1
    credentials: [MY_AGENT_KEY]
\`\`\`

A word's \`{prompt}\` becomes the prompt, \`{prompt_file}\` the path of a file with it, \`{model}\` the model; the word \`{args}\` becomes the \`--cli-arg\` of the run. Where neither prompt place stands, the prompt is on standard input. No shell reads any of it.
`;
}

function formerPart(): string {
  const rows = FORMER_KEYS.map(
    ([key, successor]) => `| \`${key.replace(/\.$/, ".…")}\` | ${cell(successor)} |`,
  );
  return [
    "## Keys of the earlier version",
    "",
    "They mean nothing any more, and are warned of.",
    "",
    "| key | in its place |",
    "|---|---|",
    ...rows,
    "",
  ].join("\n");
}

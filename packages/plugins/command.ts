import type { PluginDeclaration } from "@pitaya/protocol";
import { type FilledTemplate, fillTemplate } from "./argv-template.ts";
import { claudeStreamParser } from "./claude-code-stream.ts";
import { codexStreamParser } from "./codex-stream.ts";
import type { AgentPlugin, AgentTask, OutputParser } from "./plugin.port.ts";
import { textParser } from "./text-output.ts";

const DEFAULT_IMAGE = "pitaya-agents:latest";

type Format = PluginDeclaration["output"];

const PARSERS: Readonly<Record<Format, () => OutputParser>> = {
  text: textParser,
  "claude-stream-json": () => claudeStreamParser({ resumed: false }),
  "codex-json": () => codexStreamParser({ resumed: false }),
};

/** What no program can be asked of which nothing is known. */
const UNKNOWN_TO_PROGRAMS = [
  ["maxTurns", "maxTurns"],
  ["systemPrompt", "systemPrompt"],
  ["appendSystemPrompt", "appendSystemPrompt"],
  ["outputSchema", "outputSchema"],
  ["resumeSessionId", "a session to go on with"],
] as const satisfies readonly (readonly [keyof AgentTask, string])[];

/** Any program: the words of the command line after `--plugin command` are the template. */
export const command: AgentPlugin = program(
  "command",
  { output: "text" },
  ({ prompt, cliArgs, model }) =>
    cliArgs.length === 0
      ? { argv: [], problems: ["cliArgs is empty; give the program and its words, with {prompt}"] }
      : fillTemplate(cliArgs, { prompt, model, args: [] }),
);

/** A program that the user has declared under a name. */
export function declaredPlugin(name: string, declaration: PluginDeclaration): AgentPlugin {
  const { argv, model, image, credentials, env } = declaration;
  const known = program(name, declaration, ({ prompt, cliArgs: args, model: asked }) =>
    fillTemplate(argv, { prompt, model: asked ?? model, args }),
  );
  return {
    ...known,
    environment: credentials,
    ...(image !== undefined && { defaultImage: image }),
    ...(model !== undefined && { defaultModel: model }),
    command: (task) => {
      const call = known.command(task);
      return { ...call, env: { ...env, ...call.env } };
    },
  };
}

/** A plugin of which nothing is known but how it is called and what its output looks like. */
function program(
  name: string,
  { output, baseUrlEnv }: Pick<PluginDeclaration, "output" | "baseUrlEnv">,
  callOf: (task: AgentTask) => FilledTemplate,
): AgentPlugin {
  const fill = (task: AgentTask) => {
    const { prompt, instruction } = task;
    return callOf(instruction ? { ...task, prompt: `${prompt}\n\n${instruction}` } : task);
  };
  const tellsSpend = output !== "text";
  return {
    name,
    defaultImage: DEFAULT_IMAGE,
    ...(baseUrlEnv !== undefined && { baseUrlSource: baseUrlEnv }),
    credentials: [],
    capabilities: {
      resume: false,
      cost: tellsSpend,
      tokens: tellsSpend,
      maxTurns: false,
      outputSchema: false,
    },
    check: (task) => {
      const unknown = UNKNOWN_TO_PROGRAMS.flatMap(([field, what]) =>
        task[field] === undefined ? [] : [`${what} cannot be passed on to a program`],
      );
      if (task.baseUrl !== undefined && baseUrlEnv === undefined) {
        unknown.push("the base URL cannot be passed on to a program without base_url_env");
      }
      const empty = task.prompt.trim() === "" ? ["prompt is empty"] : [];
      const words = { prompt: task.prompt, cliArgs: task.cliArgs.join("") };
      const nul = Object.entries(words).flatMap(([field, text]) =>
        text.includes("\0") ? [`${field} holds a NUL character`] : [],
      );
      const problems = [...empty, ...nul, ...unknown, ...fill(task).problems];
      return problems.map((problem) => `${name}: ${problem}`);
    },
    command: (task) => {
      const { argv, stdin } = fill(task);
      const env =
        baseUrlEnv === undefined || task.baseUrl === undefined
          ? {}
          : { [baseUrlEnv]: task.baseUrl };
      return { argv, env, ...(stdin !== undefined && { stdin }) };
    },
    sessionFiles: () => [],
    parser: PARSERS[output],
  };
}

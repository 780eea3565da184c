import type { AgentSpec, TaskSpec } from "@pitaya/protocol";
import type { AgentPlugin, AgentProvider, AgentTask } from "./plugin.port.ts";
import { providerRoute } from "./provider-route.ts";
import { pluginOf } from "./registry.ts";
import { RESUME_PROMPT } from "./resume-prompt.ts";

/** The texts of a task, fetched. */
export interface TaskTexts {
  readonly prompt: string;
  readonly systemPrompt?: string | undefined;
  readonly appendSystemPrompt?: string | undefined;
  /** JSON Schema. */
  readonly outputSchema?: string | undefined;
}

/**
 * What a task asks of an agent CLI.
 *
 * @param interrupted the conversation of an earlier attempt, which holds the prompt and goes on
 * @throws SyntaxError for an output schema that is no JSON
 */
export function agentTaskOf(task: TaskSpec, texts: TaskTexts, interrupted?: string): AgentTask {
  const { agent, commitInstruction, maxTurns, session, readOnly } = task;
  const { systemPrompt, appendSystemPrompt, outputSchema } = texts;
  const resumeSessionId = interrupted ?? session?.from?.sessionId;
  return {
    prompt: interrupted === undefined ? texts.prompt : RESUME_PROMPT,
    cliArgs: agent.cliArgs,
    ...(resumeSessionId !== undefined && { resumeSessionId }),
    ...(agent.model !== undefined && { model: agent.model }),
    ...(agent.baseUrl !== undefined && { baseUrl: agent.baseUrl }),
    ...(agent.provider !== undefined && { provider: providerOf(agent) }),
    ...(commitInstruction && !readOnly && { instruction: commitInstruction }),
    ...(systemPrompt !== undefined && { systemPrompt }),
    ...(appendSystemPrompt !== undefined && { appendSystemPrompt }),
    ...(maxTurns !== undefined && { maxTurns }),
    ...(outputSchema !== undefined && { outputSchema: JSON.parse(outputSchema) }),
  };
}

function providerOf({ provider = "", credentials: [keyEnv] }: TaskSpec["agent"]): AgentProvider {
  return { name: provider, ...(keyEnv !== undefined && { keyEnv }) };
}

/**
 * Why an agent cannot do a task as it is asked for, naming plugin and field; empty when it can.
 *
 * @param plugin the task's own
 * @throws `usage` for a plugin there is none of
 */
export function taskProblems(
  task: TaskSpec,
  texts: TaskTexts,
  plugin: AgentPlugin = pluginOf(task.agent),
): readonly string[] {
  const problem = (text: string) => [`${plugin.name}: ${text}`];
  const { env = {}, agent, session } = task;
  if (session !== undefined && !plugin.capabilities.resume) {
    return problem("sessionGroup and resumeSession: it cannot go on with a conversation");
  }
  const unreachable = networkProblem(plugin, agent, task.network);
  if (unreachable !== undefined) return [unreachable];
  const asked = agentTaskOf(task, texts);
  const problems = plugin.check(asked);
  if (problems.length > 0) return problems;
  const own = new Set([...Object.keys(plugin.command(asked).env), ...agent.credentials]);
  return Object.keys(env)
    .filter((name) => own.has(name))
    .flatMap((name) => problem(`env: ${name} is set for this plugin already`));
}

/** Why an agent would not reach its provider, naming plugin and field; undefined where it would. */
export function networkProblem(
  plugin: AgentPlugin,
  agent: AgentSpec,
  network: TaskSpec["network"],
): string | undefined {
  if (network === "online") return undefined;
  // A program of which nothing is known may well need nobody.
  if (plugin.credentials.length === 0 && agent.baseUrl === undefined) return undefined;
  const problem = (text: string) => `${plugin.name}: networkEgress: ${text}`;
  if (network === "offline") {
    return problem("offline leaves it without its provider; proxy gives it that and nothing else");
  }
  const isRouted = agent.credentials.length === 0 || providerRoute(plugin, agent) !== undefined;
  return isRouted ? undefined : problem("proxy needs its provider's address, and none is known");
}

import { loadText } from "@pitaya/bus";
import {
  type AgentCommand,
  agentCommand,
  agentTaskOf,
  declaredPlugin,
  type TaskTexts,
  taskProblems,
} from "@pitaya/plugins";
import { PitayaError, type TaskSpec } from "@pitaya/protocol";
import { attemptSpecOf, openedEndpoint, verifyCommand } from "../domain/attempt-spec.rules.ts";
import { hiddenSecrets, visitedUrl } from "../domain/gateway-visit.rules.ts";
import { attemptRedactor } from "./attempt-redactor.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { extraCaOf } from "./extra-ca.ts";
import { requestSecrets } from "./secrets.ts";
import { planVisit, visitGateway } from "./visit-gateway.ts";

/**
 * Makes the container, with its workspace, and has the agent's secrets in hand.
 *
 * @throws `task_unsupported` for what no runner could do; `session_lost` for a snapshot that does not fit; `image_missing`, `image_unusable`,
 *   `credentials_missing`, `engine_unavailable`
 */
export async function prepareContainer(
  scope: AttemptScope,
  signal: AbortSignal,
): Promise<{ readonly imageId: string }> {
  const { executor, name, limits } = scope;
  const { task } = scope.command;
  const plugin = task.verify ? undefined : findPlugin(scope);
  await planVisit(scope, plugin);
  const { visit } = scope;
  const command = task.verify ? verifyCommand(task.verify) : await commandOf(scope);
  const [{ imageId }, secrets, extraCa] = await Promise.all([
    executor.resolveImage(task.agent.image, command.argv[0] ?? ""),
    // A check runs what an agent made, and so has nothing of the user's.
    task.verify ? {} : requestSecrets(scope, signal),
    extraCaOf(scope),
  ]);

  // An address of a proxy may hold a password.
  const proxies = task.network === "online" ? scope.outerProxies : {};
  scope.secrets = { ...proxies, ...hiddenSecrets(visit, secrets).shown };
  scope.redactor = attemptRedactor(scope, secrets);
  // What goes by the gateway, the container itself does not reach.
  const provider = task.verify || visit?.provider ? undefined : task.agent.baseUrl;
  await visitGateway(scope, Promise.resolve(secrets));
  await scope.reaped();
  signal.throwIfAborted();
  await executor.prepare(
    attemptSpecOf({
      name,
      task,
      imageId,
      command,
      limits,
      resumed: scope.resumed,
      files: scope.files ?? [],
      openHostEndpoint: openedEndpoint(provider, scope.hostEndpoints, scope.ownHosts()),
      hostCpus: scope.cpus,
      visit,
      extraCa,
    }),
  );
  return { imageId };
}

async function commandOf(scope: AttemptScope): Promise<AgentCommand> {
  const { task, snapshot } = scope.command;
  const plugin = findPlugin(scope);
  const texts = await textsOf(scope, task);
  const problems = taskProblems(task, texts, plugin);
  if (problems.length > 0) throw unsupported(problems.join(" "));
  const asked = agentTaskOf(task, texts, snapshot?.sessionId);
  const { visit } = scope;
  const told = visit?.provider ? { ...asked, baseUrl: visitedUrl(visit) } : asked;
  return agentCommand(plugin, told, texts.prompt);
}

async function textsOf({ bus }: AttemptScope, task: TaskSpec): Promise<TaskTexts> {
  const [prompt, systemPrompt, appendSystemPrompt, outputSchema] = await Promise.all([
    loadText(bus, task.prompt),
    task.systemPrompt && loadText(bus, task.systemPrompt),
    task.appendSystemPrompt && loadText(bus, task.appendSystemPrompt),
    task.outputSchema && loadText(bus, task.outputSchema),
  ]);
  return { prompt, systemPrompt, appendSystemPrompt, outputSchema };
}

export function findPlugin({ command, findPlugin }: AttemptScope) {
  const { plugin: name, declaration } = command.task.agent;
  const plugin = declaration ? declaredPlugin(name, declaration) : findPlugin(name);
  if (plugin === undefined) throw unsupported(`This runner has no plugin named ${name}.`);
  return plugin;
}

const unsupported = (message: string) => new PitayaError("task_unsupported", message);

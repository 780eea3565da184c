import { loadText } from "@pitaya/bus";
import { declaredPlugin } from "@pitaya/plugins";
import { PitayaError } from "@pitaya/protocol";
import { agentTaskOf, attemptSpecOf, openedEndpoint } from "../domain/attempt-spec.rules.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { requestSecrets } from "./secrets.ts";

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
  const { executor, command, name, limits } = scope;
  const { task } = command;
  const plugin = findPlugin(scope);
  const { resumed } = scope;
  const prompt = await loadText(scope.bus, task.prompt);
  const agentTask = agentTaskOf(task, prompt, resumed?.sessionId);
  const problems = plugin.check(agentTask);
  if (problems.length > 0) throw unsupported(problems.join(" "));
  const agentCommand = plugin.command(agentTask);
  const [{ imageId }, secrets] = await Promise.all([
    executor.resolveImage(task.agent.image, agentCommand.argv[0] ?? ""),
    requestSecrets(scope, signal),
  ]);

  scope.secrets = secrets;
  scope.redactor = scope.redactorOf(Object.values(secrets));
  await scope.reaped();
  signal.throwIfAborted();
  await executor.prepare(
    attemptSpecOf({
      name,
      task,
      imageId,
      command: agentCommand,
      limits,
      resumed,
      openHostEndpoint: openedEndpoint(task.agent.baseUrl, scope.hostEndpoints, scope.ownHosts()),
      hostCpus: scope.cpus,
    }),
  );
  return { imageId };
}

export function findPlugin({ command, findPlugin }: AttemptScope) {
  const { plugin: name, declaration } = command.task.agent;
  const plugin = declaration ? declaredPlugin(name, declaration) : findPlugin(name);
  if (plugin === undefined) throw unsupported(`This runner has no plugin named ${name}.`);
  return plugin;
}

const unsupported = (message: string) => new PitayaError("task_unsupported", message);

import { PitayaError, type RunSpec, type TaskSpec } from "@pitaya/protocol";
import {
  canonicalHash,
  findStrategy,
  type HostedExecution,
  parseParams,
  type Strategy,
  startExecution,
  type Task,
  type TaskResolution,
} from "@pitaya/strategies";
import type { PlannedTask } from "../domain/turn.ts";
import type { StrategyCode, StrategyRun, TaskOutcome } from "../ports/strategy-code.port.ts";

/**
 * The strategies Pitaya ships, run natively under the delivery rules of the strategy host.
 *
 * @param more strategies beside them
 */
export function builtInStrategies(
  log: (run: string, message: string) => void,
  more: readonly Strategy[],
): StrategyCode {
  return {
    async start(spec, execution, prompt, recorded) {
      const strategy = findStrategy(spec.strategy.name, more);
      const hosted = await startExecution({
        strategy,
        params: parseParams(strategy, spec.strategy.params),
        prompt,
        baseBranch: spec.base.branch,
        recorded: recorded.calls,
        recordedFingerprint: recorded.fingerprintOf,
        keyPolicy: recorded.keyPolicy,
        rekeyed: recorded.rekeyed,
        fingerprint: (task) => fingerprintOf(taskSpec(spec, prompt, task)),
        log: (message) => log(spec.run, `${execution}: ${message}`),
      });
      return strategyRun(spec, prompt, hosted);
    },
  };
}

/** The run's settings with the task laid over them. */
function taskSpec(spec: RunSpec, prompt: string, task: Task): TaskSpec {
  if (task.baseBranch !== undefined && task.baseBranch !== spec.base.branch) {
    throw new PitayaError("usage", `no branch "${task.baseBranch}" is known in this run`);
  }
  const importPolicy = task.importPolicy ?? spec.import.policy;
  const instruction = spec.commitInstruction;
  return {
    prompt: task.prompt === prompt ? spec.prompt : { inline: task.prompt },
    base: spec.base,
    agent: task.model === undefined ? spec.agent : { ...spec.agent, model: task.model },
    limits: spec.limits,
    network: spec.network,
    readOnly: false,
    forceCommit: spec.forceCommit,
    ...(instruction === undefined || importPolicy === "never"
      ? {}
      : { commitInstruction: instruction }),
    author: spec.author,
    importPolicy,
  };
}

/**
 * What makes two tasks the same: all of it but what a resumed run may change (limits, network,
 * provider address, credentials) and where the bytes of a text or bundle happen to lie.
 */
function fingerprintOf(task: TaskSpec): string {
  const { limits: _limits, network: _network, base, prompt, agent, ...rest } = task;
  const { baseUrl: _url, credentials: _credentials, ...same } = agent;
  const text = "inline" in prompt ? prompt.inline : prompt.blob.sha256;
  return canonicalHash({ ...rest, agent: same, base: base.commit, prompt: text });
}

function strategyRun(spec: RunSpec, prompt: string, hosted: HostedExecution): StrategyRun {
  // Code only ever asks for more, and there may be thousands.
  const planned: PlannedTask[] = [];
  return {
    calls: hosted.calls,
    get tasks() {
      for (const { key, task, fingerprint } of hosted.tasks.slice(planned.length)) {
        planned.push({ key, fingerprint, kind: "agent", task: taskSpec(spec, prompt, task) });
      }
      return planned;
    },
    get replaced() {
      return hosted.replaced;
    },
    get ended() {
      if (hosted.ended === undefined) return undefined;
      const { outcome, error, leftPath } = hosted.ended;
      const { status, reason, tasks, chosen, metadata } = outcome;
      const end = { status, reason, keys: tasks, chosen, metadata, error };
      return leftPath ? { ...end, leftPath } : end;
    },
    sleeps: hosted.sleeps,
    deliver: (key, outcome) => hosted.deliver(key, resolutionOf(outcome)),
    wake: hosted.wake,
  };
}

function resolutionOf(outcome: TaskOutcome): TaskResolution {
  if (outcome.status !== "succeeded") return outcome;
  const { branch, commit, finalMessage } = outcome;
  return {
    status: "succeeded",
    ...(branch === undefined ? {} : { branch }),
    ...(commit === undefined ? {} : { commit }),
    ...(finalMessage === undefined ? {} : { finalMessage }),
  };
}

/** Refuses at submission what could never run. @throws `usage` */
export function checkStrategy(spec: RunSpec, more: readonly Strategy[]): void {
  parseParams(findStrategy(spec.strategy.name, more), spec.strategy.params);
}

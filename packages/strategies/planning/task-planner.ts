import {
  type AgentSpec,
  type BranchSource,
  type KeptSession,
  kindOf,
  PitayaError,
  type RunSpec,
  type TaskLimits,
} from "@pitaya/protocol";
import type { AgentTask, CommonParams, Task, VerifyTask } from "../sdk.ts";
import type { PlannedTask, ReadTask, TaskDraft, TaskPlanner } from "./planned-task.ts";
import { taskFingerprint } from "./task-fingerprint.rules.ts";
import { checkTask } from "./task-schema.ts";

/**
 * Lays tasks over the settings of their run, with what the execution has learned so far: branches of
 * earlier results, and conversations that can be gone on with.
 */
export function taskPlanner(
  spec: RunSpec,
  params: Pick<CommonParams, "model" | "include_branches">,
): TaskPlanner {
  const branches = new Map<string, BranchSource>();
  for (const source of [...(spec.branches ?? []), spec.base]) branches.set(source.branch, source);
  const groups = new Map<string, KeptSession>();
  const sessions = new Map<string, KeptSession>();

  function branchNamed(name: string): BranchSource {
    const found = branches.get(name);
    if (found) return found;
    throw refused(`no branch "${name}" is known to this strategy`, `known: ${listed(branches)}`);
  }

  function agentFor({ plugin, model, image }: AgentTask): AgentSpec {
    const agents = [spec.agent, ...(spec.otherAgents ?? [])];
    const agent = agents.find((each) => each.plugin === (plugin ?? spec.agent.plugin));
    if (agent === undefined) {
      const known = agents.map((each) => each.plugin).join(", ");
      throw refused(`the run was not submitted with the plugin "${plugin}"`, `with: ${known}`);
    }
    const ofRun = agent.plugin === spec.agent.plugin ? params.model : undefined;
    const named = model ?? ofRun ?? agent.model;
    return {
      ...agent,
      ...(named === undefined ? {} : { model: named }),
      ...(image === undefined ? {} : { image }),
    };
  }

  /** Container work in which no agent is called gets nothing of the agent's, least of all secrets. */
  const noAgent = (image = spec.agent.image): AgentSpec => ({
    plugin: spec.agent.plugin,
    image,
    cliArgs: [],
    credentials: [],
  });

  function sessionOf({ sessionGroup, resumeSession }: AgentTask): TaskDraft["session"] {
    if (sessionGroup === undefined && resumeSession === undefined) return undefined;
    const from =
      resumeSession === undefined ? groups.get(sessionGroup ?? "") : sessions.get(resumeSession);
    if (resumeSession !== undefined && from === undefined) {
      throw refused(
        `no result has kept the session "${resumeSession}"`,
        "sessions of tasks with a sessionGroup are kept",
      );
    }
    return from === undefined ? {} : { from };
  }

  function settings(task: Pick<Task, "limits" | "timeoutMs" | "networkEgress">) {
    const { timeoutMs } = task;
    const limits: TaskLimits = Object.assign(
      { ...spec.limits },
      task.limits,
      timeoutMs === undefined ? {} : { timeoutMs },
    );
    const { author, redact, networkAllow, extraCa } = spec;
    return {
      limits,
      network: task.networkEgress ?? spec.network,
      author,
      ...(redact === undefined ? {} : { redact }),
      ...(networkAllow === undefined ? {} : { networkAllow }),
      ...(extraCa === undefined ? {} : { extraCa }),
    };
  }

  function agentDraft(task: AgentTask): TaskDraft {
    const base = branchNamed(task.baseBranch ?? spec.base.branch);
    const readOnly = task.readOnly ?? false;
    const included = task.includeBranches ?? params.include_branches ?? [];
    const includes = [...new Set(included)].filter((name) => name !== base.branch).map(branchNamed);
    const { importConflictPolicy: importConflict, outputSchema, skipEmptyImport } = task;
    const { systemPrompt, appendSystemPrompt, maxTurns, env, requires } = task;
    const session = sessionOf(task);
    const commitInstruction = readOnly ? undefined : spec.commitInstruction;
    return {
      prompt: task.prompt,
      base,
      agent: agentFor(task),
      ...settings(task),
      readOnly,
      forceCommit: spec.forceCommit && !readOnly,
      ...(commitInstruction === undefined ? {} : { commitInstruction }),
      importPolicy: readOnly ? "never" : (task.importPolicy ?? spec.import.policy),
      ...(importConflict === undefined ? {} : { importConflict }),
      ...(skipEmptyImport === undefined ? {} : { skipEmptyImport }),
      ...(systemPrompt === undefined ? {} : { systemPrompt }),
      ...(appendSystemPrompt === undefined ? {} : { appendSystemPrompt }),
      ...(maxTurns === undefined ? {} : { maxTurns }),
      ...(env === undefined ? {} : { env: { ...env } }),
      ...(includes.length === 0 ? {} : { includes }),
      ...(outputSchema === undefined ? {} : { outputSchema: JSON.stringify(outputSchema) }),
      ...(session === undefined ? {} : { session }),
      ...(requires === undefined ? {} : { requires: JSON.parse(JSON.stringify(requires)) }),
    };
  }

  function bareDraft(task: VerifyTask | ReadTask): TaskDraft {
    return {
      prompt: "",
      base: branchNamed(task.baseBranch ?? spec.base.branch),
      agent: noAgent("image" in task ? task.image : undefined),
      ...settings("read" in task ? {} : task),
      readOnly: "read" in task,
      forceCommit: false,
      importPolicy: "never",
    };
  }

  function verifyDraft(task: VerifyTask): TaskDraft {
    const { env, requires, verify } = task;
    return {
      ...bareDraft(task),
      verify: { command: verify.command, files: (verify.files ?? []).flatMap(filesNamed) },
      ...(env === undefined ? {} : { env: { ...env } }),
      ...(requires === undefined ? {} : { requires: JSON.parse(JSON.stringify(requires)) }),
    };
  }

  function filesNamed(name: string) {
    const found = (spec.files ?? []).filter((file) => file.name === name && file.use === "task");
    if (found.length > 0) {
      return found.map(({ path, executable, blob }) => ({ path, executable, blob }));
    }
    throw refused(
      `no file "${name}" came with the run`,
      "the cli sends the files that a parameter made by taskFileParam names",
    );
  }

  function draftOf(task: Task | ReadTask): TaskDraft {
    if ("verify" in task) return verifyDraft(task);
    if ("read" in task) return { ...bareDraft(task), read: { path: task.read.path } };
    return agentDraft(task);
  }

  return {
    plan(asked) {
      checkTask(asked);
      const draft = draftOf(asked);
      checkSize(draft);
      return { asked, kind: kindOf(draft), draft, fingerprint: taskFingerprint(draft) };
    },
    learn({ asked }: PlannedTask, resolution) {
      if (resolution.source) branches.set(resolution.source.branch, resolution.source);
      if (resolution.status !== "succeeded" || resolution.session === undefined) return;
      sessions.set(resolution.session.sessionId, resolution.session);
      if ("sessionGroup" in asked && asked.sessionGroup !== undefined) {
        groups.set(asked.sessionGroup, resolution.session);
      }
    },
  };
}

/** All but its texts, which go elsewhere when they are long: a task stands in one message of the log. */
const MAX_TASK_BYTES = 128 * 1024;

function checkSize(draft: TaskDraft): void {
  const { prompt, systemPrompt, appendSystemPrompt, outputSchema, ...rest } = draft;
  const bytes = Buffer.byteLength(JSON.stringify(rest));
  if (bytes <= MAX_TASK_BYTES) return;
  throw refused(
    `a task of ${bytes} bytes beside its texts is too large; at most ${MAX_TASK_BYTES} can be had`,
    "its env, the command of verify and the number of its files count",
  );
}

const listed = (branches: ReadonlyMap<string, unknown>) =>
  [...branches.keys()].slice(0, 20).join(", ");

const refused = (what: string, hint: string) => new PitayaError("strategy_failed", what, { hint });

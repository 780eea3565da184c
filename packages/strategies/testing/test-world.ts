import type { ErrorRecord } from "@pitaya/protocol";
import type { HostedTask, TaskResolution } from "../host/hosted-execution.ts";
import type { TaskResult } from "../sdk.ts";
import { checkAnswer } from "./checked-test.ts";
import { sourceOf, type Tree } from "./sample-spec.ts";
import type { Answer, Done, Script } from "./script.ts";

const DEFAULT_MS = 1_000;

/** How a task will end, and when. */
export interface PlannedEnd {
  readonly afterMs: number;
  /** Called once it has come to that. */
  resolution(): TaskResolution;
}

/** The repository and the agents of a test. */
export interface TestWorld {
  /** undefined: it does not end by itself. */
  begin(task: HostedTask): PlannedEnd | undefined;
  readonly branchOf: ReadonlyMap<string, string>;
}

const record = (code: ErrorRecord["code"], message: string): ErrorRecord => ({
  code,
  message,
  retryable: false,
});

export const CANCELLED: TaskResolution = {
  status: "cancelled",
  error: record("cancelled", "it was cancelled"),
};

export function testWorld(branches: Readonly<Record<string, Tree>>, script: Script): TestWorld {
  const trees = new Map(Object.entries(branches));
  const branchOf = new Map<string, string>();

  function read(branch: string, path: string): PlannedEnd {
    const text = trees.get(branch)?.[path];
    const result = { hasChanges: false, commits: 0 };
    return {
      afterMs: 0,
      resolution: () => ({ status: "succeeded", result, ...(text === undefined ? {} : { text }) }),
    };
  }

  function answered(task: HostedTask, answer: Exclude<Answer, "pending">): TaskResolution {
    if ("error" in answer) {
      const { error, text = `the script says ${error}` } = answer;
      return { status: "failed", error: record(error, text) };
    }
    return task.planned.kind === "verify"
      ? { status: "succeeded", result: verified(answer) }
      : worked(task, answer);
  }

  function worked({ key, planned }: HostedTask, done: Done): TaskResolution {
    const { base, readOnly, session } = planned.draft;
    const { files = {} } = done;
    const commits = readOnly ? 0 : (done.commits ?? (Object.keys(files).length > 0 ? 1 : 0));
    const result = resultFields(key, done, commits, session !== undefined);
    if (readOnly) return { status: "succeeded", result };
    const branch = `pitaya/${key}`;
    const tree = withFiles(trees.get(base.branch) ?? {}, commits > 0 ? files : {});
    trees.set(branch, tree);
    branchOf.set(key, branch);
    const own = commits > 0 ? sourceOf(branch, tree) : { ...base, branch };
    const commit = commits > 0 ? { commit: own.commit } : {};
    const [kept] = own.bundles;
    const { sessionId } = result;
    return {
      status: "succeeded",
      result: { ...result, branch, ...commit },
      source: own,
      ...(kept && sessionId !== undefined && { session: { sessionId, session: kept.blob } }),
    };
  }

  return {
    branchOf,
    begin(task) {
      const { asked, draft } = task.planned;
      if ("read" in asked) return read(asked.baseBranch, asked.read.path);
      const { model } = draft.agent;
      const answer = script({
        key: task.key,
        task: "verify" in asked || model === undefined ? asked : { ...asked, model },
        prompt: draft.prompt,
        baseBranch: draft.base.branch,
        readFile: (path) => trees.get(draft.base.branch)?.[path],
      });
      checkAnswer(task.key, answer);
      if (answer === "pending") return undefined;
      const { afterMs = DEFAULT_MS } = answer;
      return { afterMs, resolution: () => answered(task, answer) };
    },
  };
}

function resultFields(key: string, done: Done, commits: number, keepsSession: boolean) {
  const { message, output, costUsd, turns } = done;
  const result: Omit<TaskResult, "key"> = {
    hasChanges: commits > 0,
    commits,
    ...(message === undefined ? {} : { finalMessage: message }),
    ...(output === undefined ? {} : { output }),
    ...(costUsd === undefined ? {} : { costUsd }),
    ...(turns === undefined ? {} : { turns }),
    ...(keepsSession ? { sessionId: `session of ${key}` } : {}),
  };
  return result;
}

function verified({ exitCode, timedOut = false, stdout = "" }: Done): Omit<TaskResult, "key"> {
  const status = exitCode ?? (timedOut ? 124 : 0);
  const verify = { passed: status === 0, exitCode: status, timedOut, output: stdout };
  return { hasChanges: false, commits: 0, verify };
}

const withFiles = (tree: Tree, files: Readonly<Record<string, string | null>>): Tree =>
  Object.fromEntries(
    Object.entries({ ...tree, ...files }).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    ),
  );

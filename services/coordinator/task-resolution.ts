import { type Bus, loadText } from "@pitaya/bus";
import type { AttemptWork, BranchSource, BundleRef, FactOf, VerifyEnd } from "@pitaya/protocol";
import type { Json, TaskResolution, TaskResult } from "@pitaya/strategies";
import { type InstanceView, spendOf } from "@pitaya/views";
import type { InstanceSnapshot } from "./domain/run-actors.ts";

type Result = Omit<TaskResult, "key">;

/** What a strategy that waits for an instance learns of its end, from what is recorded of it alone. */
export async function taskResolution(
  bus: Bus,
  { value, context }: InstanceSnapshot,
  row: InstanceView,
): Promise<TaskResolution> {
  const { task } = context.scheduled;
  if (value === "succeeded" && row.succeeded) {
    const fact = row.succeeded;
    const source = sourceOf(row.branch, task.base, fact);
    const text = fact.read?.text && (await loadText(bus, fact.read.text));
    return {
      status: "succeeded",
      result: { ...madeOf(row.branch, fact.work), ...spent(row), ...(await told(bus, fact)) },
      ...(source && { source }),
      ...(fact.session && { session: fact.session }),
      ...(text !== undefined && { text }),
    };
  }
  const error = failureOf(value, context.error);
  const status = value === "cancelled" ? "cancelled" : "failed";
  const last = row.attempts.at(-1)?.end;
  if (last?.type !== "attempt.failed" || last.work === undefined) return { status, error };
  const source = sourceOf(row.branch, task.base, last);
  return {
    ...{ status, error, result: { ...madeOf(row.branch, last.work), ...spent(row) } },
    ...(source && { source }),
  };
}

function failureOf(value: string, error: InstanceSnapshot["context"]["error"]) {
  if (value === "failed" && error) return error;
  return { code: "cancelled", message: "it was cancelled", retryable: false } as const;
}

const madeOf = (branch: string | undefined, work: AttemptWork | undefined): Result => ({
  hasChanges: work !== undefined,
  commits: work?.commits ?? 0,
  ...(branch === undefined ? {} : { branch }),
  ...(work && { commit: work.commit }),
});

/** A branch on which nothing was committed stands where its base does. */
function sourceOf(
  branch: string | undefined,
  base: BranchSource,
  made: { readonly work?: AttemptWork | undefined; readonly bundle?: BundleRef | undefined },
): BranchSource | undefined {
  if (branch === undefined) return undefined;
  const { work, bundle } = made;
  if (work === undefined || bundle === undefined) return { ...base, branch };
  return { branch, commit: work.commit, bundles: [bundle, ...base.bundles] };
}

/** Over all attempts. What nobody knows is left out. */
function spent(row: InstanceView): Partial<Result> {
  const { costUsd, inputTokens, outputTokens } = spendOf([row]);
  const ends = row.attempts.flatMap(({ end }) => (end && "account" in end ? [end.account] : []));
  const sum = (of: "cacheReadTokens" | "cacheWriteTokens") =>
    ends.reduce((total, { usage }) => total + (usage?.[of] ?? 0), 0);
  const tokens = {
    input: inputTokens,
    output: outputTokens,
    cacheRead: sum("cacheReadTokens"),
    cacheWrite: sum("cacheWriteTokens"),
  };
  return {
    ...(ends.some((account) => account.costUsd !== undefined) && { costUsd }),
    ...(ends.some(({ usage }) => usage !== undefined) && { tokens }),
  };
}

async function told(bus: Bus, fact: FactOf<"attempt.succeeded">): Promise<Partial<Result>> {
  const { finalMessage, session, account } = fact;
  const output = fact.output && jsonIn(await loadText(bus, fact.output));
  return {
    ...(finalMessage && { finalMessage: await loadText(bus, finalMessage) }),
    ...(output !== undefined && { output }),
    ...(account.turns !== undefined && { turns: account.turns }),
    ...(session && { sessionId: session.sessionId }),
    ...(fact.verify && { verify: verified(fact.verify) }),
  };
}

const verified = ({ exitCode, timedOut, output }: VerifyEnd) => ({
  passed: exitCode === 0 && !timedOut,
  ...{ exitCode, timedOut, output },
});

/** An agent's word: what is no JSON is nothing. */
function jsonIn(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

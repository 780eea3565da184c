import type { AttemptPhase, Decision, Fact, Note } from "@pitaya/protocol";
import { failureOf } from "./earlier-error-type.ts";
import { hasWork, isUncommitted, metricsOf, shortRef } from "./instance-result.ts";
import type { TextSource } from "./log-texts.ts";
import { type OutwardBody, progress, taskBody } from "./outward-body.ts";
import type { InstanceView, RunView } from "./run-view.ts";
import { cutUtf8 } from "./utf8.ts";

/** Bytes of a final message that travel in `task.completed`. */
const FINAL_MESSAGE_BYTES = 65_536;

/** Earlier names of what an attempt is busy with. */
const PHASES: Readonly<Record<AttemptPhase, string>> = {
  fetching: "workspace_preparing",
  preparing: "container_creating",
  running: "agent_starting",
  harvesting: "result_collection",
  uploading: "uploading",
};

/** What is told of a decision about an instance. */
export function ofInstanceDecision(
  entry: Extract<Decision, { instance: string }>,
  row: InstanceView,
  view: RunView,
  textOf: TextSource,
): readonly OutwardBody[] {
  switch (entry.type) {
    case "instance.scheduled":
      return [
        taskBody("task.scheduled", row, {
          kind: row.kind,
          container_name: null,
          branch_name: row.branch ?? null,
          model: row.model ?? null,
          base_branch: entry.task.base.branch,
          base_commit: row.baseCommit,
          task_fingerprint_hash: row.fingerprint,
        }),
      ];
    case "attempt.placed":
      return [progress(row, entry.attempt, { phase: "placed", activity: `on ${entry.runner}` })];
    case "instance.backingOff":
      return [
        taskBody("task.retrying", row, {
          ...failureOf(entry.error),
          attempt: row.attempts.length,
          delay_seconds: entry.delayMs / 1000,
        }),
      ];
    case "instance.waitingForCredentials":
      return [taskBody("task.waiting", row, { waiting_for: entry.missing })];
    case "instance.queued":
    case "instance.stopping":
      return [];
    case "instance.succeeded":
      return [taskCompleted(row, textOf)];
    case "instance.failed":
      return [
        taskBody("task.failed", row, {
          ...failureOf(entry.error),
          network_egress: view.spec?.network ?? "online",
          attempt: row.attempts.length,
          metrics: metricsOf(row),
        }),
      ];
    case "instance.cancelled":
      return [taskBody("task.cancelled", row, {})];
    case "instance.interrupted":
      return [taskBody("task.interrupted", row, {})];
    default:
      return entry satisfies never;
  }
}

/** What is told of a fact of an attempt. */
export function ofFact(
  row: InstanceView | undefined,
  place: { readonly attempt: number; readonly runner: string },
  fact: Fact,
): readonly OutwardBody[] {
  if (!row) return [];
  const { attempt, runner } = place;
  switch (fact.type) {
    case "attempt.started":
      return [
        taskBody("task.started", row, {
          container_name: fact.container,
          model: row.model ?? null,
          attempt,
          runner,
        }),
      ];
    case "attempt.entered":
      return [progress(row, attempt, { phase: PHASES[fact.phase] })];
    case "attempt.adopted":
      return [progress(row, attempt, { phase: "adopted", activity: `on ${runner}` })];
    case "output.gap": {
      const lost = fact.toOffset - fact.fromOffset;
      const what = lost === 0 ? "an unknown part" : `${lost} bytes`;
      const activity = `${what} of ${fact.stream} lost`;
      return [progress(row, attempt, { phase: "output_gap", activity })];
    }
    case "attempt.paused": {
      const activity = `${runner} lost touch with the store, and its containers stand still`;
      return [progress(row, attempt, { phase: "paused", activity })];
    }
    case "attempt.waitingForCredentials":
      return [taskBody("task.waiting", row, { waiting_for: fact.missing })];
    case "attempt.unpaused":
      return [progress(row, attempt, { phase: "running", activity: "goes on" })];
    case "attempt.claimed":
    case "attempt.snapshot":
    case "attempt.succeeded":
    case "attempt.failed":
      return [];
    default:
      return fact satisfies never;
  }
}

/** What is told of a cli's note about an instance. */
export function ofNote(view: RunView, note: Note): readonly OutwardBody[] {
  if (note.type === "client.attached" || note.type === "best.imported") return [];
  const row = view.instances.get(note.instance);
  if (!row) return [];
  if (note.type === "branch.refused") {
    const { attempt, error } = note;
    return [taskBody("task.import_refused", row, { ...failureOf(error), attempt })];
  }
  const activity = shortRef(note.ref);
  return [progress(row, note.attempt, { phase: "branch_imported", activity })];
}

function taskCompleted(row: InstanceView, textOf: TextSource): OutwardBody {
  const { finalMessage: message, verify } = row.succeeded ?? {};
  const whole = message === undefined ? "" : textOf(message);
  const { text, cut } = cutUtf8(whole, FINAL_MESSAGE_BYTES);
  const branch = row.branch ?? null;
  return taskBody("task.completed", row, {
    artifact: {
      type: "branch",
      branch_planned: branch,
      branch_final: hasWork(row) ? branch : null,
      base: row.baseCommit,
      commit: row.succeeded?.work?.commit ?? null,
      has_changes: hasWork(row) || isUncommitted(row),
      uncommitted: isUncommitted(row),
      duplicate_of_branch: null,
      dedupe_reason: null,
    },
    ...(verify && { verify: { exit_code: verify.exitCode, timed_out: verify.timedOut } }),
    metrics: metricsOf(row),
    final_message: text,
    final_message_truncated: cut,
    final_message_path: cut ? finalMessagePath(row.instance) : null,
  });
}

/** The file a cut final message is kept whole in, under the run's logs. */
export const finalMessagePath = (instance: string): string => `final_messages/${instance}.txt`;

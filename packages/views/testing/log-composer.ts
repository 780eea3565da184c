import {
  AttemptMessage,
  type Decision,
  DecisionMessage,
  type Fact,
  messageIds,
  type Note,
  NoteMessage,
  ProcessId,
  type RunId,
  type SealMessage,
  subjects,
} from "@pitaya/protocol";
import { type LogMessage, runLog } from "../run-log.ts";

/** A message that is to be stored on its subject. */
export interface Draft {
  readonly subject: string;
  readonly id: string;
  readonly payload: Uint8Array;
}

/** A decision without what the composer knows itself. */
export type DecisionDraft = Decision extends infer D
  ? D extends { assumes: number }
    ? Omit<D, "assumes">
    : D
  : never;

/**
 * Writes the log of one run as coordinator and runners would, in chains that hold. It composes
 * messages and is told what was stored; where they go is the caller's affair.
 */
export interface LogComposer {
  decide(...entries: readonly DecisionDraft[]): Draft;
  fact(instance: string, attempt: number, fact: Fact): Draft;
  seal(instance: string, attempt: number, reason: SealMessage["reason"]): Draft;
  note(client: string, note: Note): Draft;
  /** The draft was stored as this. What follows is composed on top of it. */
  stored(draft: Draft, sequence: number, storedAt: Date): LogMessage;
}

const COORDINATOR = ProcessId.parse("coordinator-1");
const RUNNER = ProcessId.parse("runner-1");
const INCARNATION = "0000000a";

/** @param at stands in every message; nothing compares it */
export function logComposer(run: RunId, at = "2026-01-02T03:04:05.000Z"): LogComposer {
  const log = runLog();
  const incarnations = new Map<string, number>();
  let n = 0;
  let notes = 0;
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

  const attemptDraft = (
    instance: string,
    attempt: number,
    message: AttemptMessage,
    id: string,
  ) => ({
    subject: subjects.fact.of({ run, runner: RUNNER, instance, attempt: String(attempt) }),
    id,
    payload: json(AttemptMessage.parse(message)),
  });

  return {
    decide(...entries) {
      n += 1;
      const seen = new Map<string, number>();
      const whole = entries.map((entry) => {
        if (!("instance" in entry)) return entry;
        const before = seen.get(entry.instance) ?? log.versionOf(entry.instance);
        seen.set(entry.instance, before + 1);
        return entry.type === "instance.scheduled" ? entry : { ...entry, assumes: before };
      });
      const message = { v: 1, run, epoch: 1, n, coordinator: COORDINATOR, at, entries: whole };
      return {
        subject: subjects.decision.of({ run }),
        id: messageIds.decision(run, 1, n),
        payload: json(DecisionMessage.parse(message)),
      };
    },
    fact(instance, attempt, fact) {
      const key = `${instance}.${attempt}`;
      const place = (incarnations.get(key) ?? 0) + 1;
      incarnations.set(key, place);
      const id = messageIds.fact(run, instance, attempt, INCARNATION, place);
      return attemptDraft(
        instance,
        attempt,
        AttemptMessage.parse({
          ...{ v: 1, run, instance, attempt, at, by: "runner", runner: RUNNER },
          ...{ incarnation: INCARNATION, n: place, fact },
        }),
        id,
      );
    },
    seal: (instance, attempt, reason) =>
      attemptDraft(
        instance,
        attempt,
        AttemptMessage.parse({
          ...{ v: 1, run, instance, attempt, at, by: "coordinator", coordinator: COORDINATOR },
          ...{ epoch: 1, n: 1, reason },
        }),
        messageIds.seal(run, instance, attempt, 1, 1),
      ),
    note(client, note) {
      notes += 1;
      const nonce = notes.toString(16).padStart(8, "0");
      return {
        subject: subjects.note.of({ run, client }),
        id: messageIds.note(run, client, nonce),
        payload: json(NoteMessage.parse({ v: 1, run, client, nonce, at, note })),
      };
    },
    stored(draft, sequence, storedAt) {
      const message = { subject: draft.subject, sequence, storedAt, payload: draft.payload };
      log.admit(message);
      return message;
    },
  };
}

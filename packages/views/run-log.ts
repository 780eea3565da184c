import {
  AttemptMessage,
  type Decision,
  DecisionMessage,
  type Fact,
  NoteMessage,
  type SealMessage,
  subjects,
} from "@pitaya/protocol";
import { z } from "zod";

/** A message of the log as the server stored it. */
export interface LogMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly storedAt: Date;
  readonly payload: Uint8Array;
}

/** Where an event stands: the order of everything, and the only time that is compared. */
export interface Place {
  readonly sequence: number;
  /** Epoch milliseconds on the server's clock. */
  readonly storedAt: number;
}

interface AttemptPlace {
  readonly instance: string;
  readonly attempt: number;
  readonly runner: string;
}

/** One event that counts, or why a message does not. */
export type LogEvent = { readonly place: Place } & (
  | {
      readonly kind: "decision";
      readonly epoch: number;
      readonly coordinator: string;
      readonly entry: Decision;
    }
  | ({ readonly kind: "fact"; readonly incarnation: string; readonly fact: Fact } & AttemptPlace)
  | ({ readonly kind: "seal"; readonly reason: SealMessage["reason"] } & AttemptPlace)
  | { readonly kind: "note"; readonly client: string; readonly note: NoteMessage["note"] }
  /** An entry decided on a state that had moved on: skipped. */
  | { readonly kind: "void"; readonly entry: Decision }
  /** Written by someone who no longer had, or never had, the right to. */
  | { readonly kind: "stale"; readonly subject: string; readonly reason: string }
  | { readonly kind: "unreadable"; readonly subject: string; readonly reason: string }
);

/** An attempt's chain so far, as its next writer needs it. */
export interface AttemptChain {
  readonly runner: string;
  /** Sequence of the last message that counts; 0 while unclaimed. */
  lastSequence: number;
  /**
   * Sequence of the last message on the attempt's subject, whether it counts or not: what the server
   * expects of the next writer. A runner can write there what nobody can read.
   */
  tail: number;
  incarnation: string;
  n: number;
  ended?: "final" | "sealed";
}

/**
 * Says which messages of one run's log count. Everything that folds the log, on any machine, goes
 * through here, so all of them agree on what is stale: what comes after a seal or a final fact,
 * facts without their place in the chain, facts that no decision placed, decisions of an epoch that
 * is over, entries whose instance has moved on.
 *
 * The state is private and grows with the run; the same messages always give the same events.
 */
export interface RunLog {
  /** Takes the next message in stream order; one seen before gives nothing. */
  admit(message: LogMessage): readonly LogEvent[];
  readonly lastSequence: number;
  /** The decision chain, as the next decision continues it. */
  readonly decisions: { readonly lastSequence: number; readonly epoch: number; readonly n: number };
  /** Events folded into an instance: what a decision about it `assumes`. */
  versionOf(instance: string): number;
  chainOf(instance: string, attempt: number): Readonly<AttemptChain> | undefined;
  /** All it knows, as JSON; `runLog` goes on from it. */
  freeze(): FrozenRunLog;
}

export interface FrozenRunLog {
  readonly lastSequence: number;
  readonly decisions: RunLog["decisions"];
  readonly versions: readonly (readonly [string, number])[];
  readonly chains: readonly (readonly [string, AttemptChain])[];
}

const chainKey = (instance: string, attempt: number) => `${instance}.${attempt}`;

export function runLog(frozen?: FrozenRunLog): RunLog {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const versions = new Map<string, number>(frozen?.versions);
  const chains = new Map<string, AttemptChain>(
    frozen?.chains.map(([key, chain]) => [key, { ...chain }]),
  );
  const decisions = { lastSequence: 0, epoch: 0, n: 0, ...frozen?.decisions };
  let lastSequence = frozen?.lastSequence ?? 0;

  const touch = (instance: string) => versions.set(instance, (versions.get(instance) ?? 0) + 1);

  function admitEntry(entry: Decision): "counts" | "void" {
    if (!("instance" in entry)) return "counts";
    const version = versions.get(entry.instance) ?? 0;
    const assumed = "assumes" in entry ? entry.assumes : 0;
    if (assumed !== version) return "void";
    if (entry.type === "attempt.placed") {
      const key = chainKey(entry.instance, entry.attempt);
      if (chains.has(key)) return "void";
      chains.set(key, { runner: entry.runner, lastSequence: 0, tail: 0, incarnation: "", n: 0 });
    }
    touch(entry.instance);
    return "counts";
  }

  function admitDecisions(message: LogMessage, place: Place): LogEvent[] {
    // Whether it counts or not, whoever decides next comes after it.
    decisions.lastSequence = message.sequence;
    const parsed = DecisionMessage.parse(JSON.parse(decoder.decode(message.payload)));
    const { epoch, n, coordinator } = parsed;
    const follows =
      epoch === decisions.epoch ? n === decisions.n + 1 : epoch > decisions.epoch && n === 1;
    if (!follows) {
      const reason = `decision ${epoch}.${n} after ${decisions.epoch}.${decisions.n}`;
      return [{ kind: "stale", place, subject: message.subject, reason }];
    }
    Object.assign(decisions, { epoch, n });
    return parsed.entries.map((entry) =>
      admitEntry(entry) === "counts"
        ? { kind: "decision", place, epoch, coordinator, entry }
        : { kind: "void", place, entry },
    );
  }

  function staleness(message: AttemptMessage, runner: string, chain: AttemptChain | undefined) {
    if (chain === undefined) return "no decision placed this attempt";
    if (chain.runner !== runner) return `placed on ${chain.runner}, not on ${runner}`;
    if (chain.ended) return `the attempt is ${chain.ended}`;
    // Of an epoch that is over, too: the server took it, the runner obeys it, and nobody could write
    // another one after it.
    if (message.by === "coordinator") return undefined;
    if (message.runner !== runner) return `written as ${message.runner} on ${runner}'s subject`;
    const first = chain.lastSequence === 0;
    if (first !== (message.fact.type === "attempt.claimed")) return "out of place in the chain";
    const expected = message.incarnation === chain.incarnation ? chain.n + 1 : 1;
    return message.n === expected ? undefined : `fact ${message.n} where ${expected} belongs`;
  }

  function admitAttempt(
    message: LogMessage,
    place: Place,
    subject: { runner: string; instance: string; attempt: string },
  ): LogEvent[] {
    const { runner } = subject;
    const chain = chains.get(`${subject.instance}.${subject.attempt}`);
    if (chain?.runner === runner) chain.tail = message.sequence;
    const parsed = AttemptMessage.parse(JSON.parse(decoder.decode(message.payload)));
    const { instance, attempt } = parsed;
    const elsewhere = instance !== subject.instance || String(attempt) !== subject.attempt;
    const reason = elsewhere
      ? "names another attempt than its subject"
      : staleness(parsed, runner, chain);
    if (reason !== undefined || chain === undefined) {
      return [{ kind: "stale", place, subject: message.subject, reason: reason ?? "unplaced" }];
    }
    chain.lastSequence = message.sequence;
    touch(instance);
    if (parsed.by === "coordinator") {
      chain.ended = "sealed";
      return [{ kind: "seal", place, instance, attempt, runner, reason: parsed.reason }];
    }
    const { incarnation, n, fact } = parsed;
    Object.assign(chain, { incarnation, n });
    if (fact.type === "attempt.succeeded" || fact.type === "attempt.failed") chain.ended = "final";
    return [{ kind: "fact", place, instance, attempt, runner, incarnation, fact }];
  }

  function admitMessage(message: LogMessage, place: Place): LogEvent[] {
    if (subjects.decision.parse(message.subject)) return admitDecisions(message, place);
    const attempt = subjects.fact.parse(message.subject);
    if (attempt) return admitAttempt(message, place, attempt);
    const note = subjects.note.parse(message.subject);
    if (!note)
      return [{ kind: "unreadable", place, subject: message.subject, reason: "no event subject" }];
    const parsed = NoteMessage.parse(JSON.parse(decoder.decode(message.payload)));
    return [{ kind: "note", place, client: note.client, note: parsed.note }];
  }

  return {
    get lastSequence() {
      return lastSequence;
    },
    decisions,
    versionOf: (instance) => versions.get(instance) ?? 0,
    chainOf: (instance, attempt) => chains.get(chainKey(instance, attempt)),
    freeze: () => ({
      lastSequence,
      decisions: { ...decisions },
      versions: [...versions],
      chains: [...chains].map(([key, chain]) => [key, { ...chain }]),
    }),
    admit(message) {
      if (message.sequence <= lastSequence) return [];
      lastSequence = message.sequence;
      const place = { sequence: message.sequence, storedAt: message.storedAt.getTime() };
      try {
        return admitMessage(message, place);
      } catch (error) {
        return [
          { kind: "unreadable", place, subject: message.subject, reason: whyUnreadable(error) },
        ];
      }
    },
  };
}

/** Where it is wrong, as a person reads it; a schema says it in JSON. */
function whyUnreadable(error: unknown): string {
  const said =
    error instanceof z.ZodError
      ? error.issues
          .map(({ path, message }) => `${path.length === 0 ? "it" : path.join(".")}: ${message}`)
          .join("; ")
      : error instanceof Error
        ? error.message
        : String(error);
  return said.slice(0, 500);
}

import type { StoredMessage } from "@pitaya/bus";
import { AttemptMessage, DecisionMessage, type Fact, subjects } from "@pitaya/protocol";
import {
  type LogEvent,
  type RunLog,
  type RunVerifier,
  type RunView,
  type RunViewFold,
  runLog,
  runVerifier,
  runView,
  spendOf,
} from "@pitaya/views";

/** What the log says of one run, with what must never be. */
export interface ObservedRun {
  readonly view: RunView;
  /** It was interrupted since nobody brought its credentials. */
  readonly isGivenUp: boolean;
  /** Attempts that were given up for lost. */
  readonly lost: number;
}

export interface Observer {
  take(message: StoredMessage): void;
  run(id: string): ObservedRun | undefined;
  /** What was found to be wrong, in words. */
  readonly violations: readonly string[];
  /** Something else that must not be was seen. */
  fail(what: string): void;
  /** Looks at what can only be said in the end. */
  conclude(): void;
}

interface Seen {
  readonly log: RunLog;
  readonly fold: RunViewFold;
  readonly verifier: RunVerifier;
  /** Attempts by instance and number: what their last counted message was. */
  readonly attempts: Map<
    string,
    { readonly runner: string; ended: "final" | "sealed" | undefined }
  >;
  readonly outcomes: Map<string, string[]>;
  /** Facts that ended an attempt and count. */
  readonly ends: Fact[];
  runEnd: string | undefined;
  isGivenUp: boolean;
  lost: number;
  /** As raw messages say, whatever the fold makes of them. */
  readonly closed: Map<string, string>;
}

/**
 * Reads the log as it is written and holds it against what is promised of it. It knows nothing of
 * faults: these hold always. `pitaya verify` looks at each run as well.
 */
export function observer(slotsOf: (runner: string) => number): Observer {
  const runs = new Map<string, Seen>();
  const violations: string[] = [];
  const busy = new Map<string, Set<string>>();

  const fail = (run: string, what: string) => violations.push(`${run}: ${what}`);

  function seenOf(run: string): Seen {
    const known = runs.get(run);
    if (known) return known;
    const fresh: Seen = {
      log: runLog(),
      fold: runView(),
      verifier: runVerifier(),
      attempts: new Map(),
      outcomes: new Map(),
      ends: [],
      runEnd: undefined,
      isGivenUp: false,
      lost: 0,
      closed: new Map(),
    };
    runs.set(run, fresh);
    return fresh;
  }

  /** The server's own promise: nobody writes after a seal or a last word. */
  function checkRaw(run: string, seen: Seen, { subject, payload }: StoredMessage): void {
    if (!subjects.fact.parse(subject)) return;
    const before = seen.closed.get(subject);
    if (before !== undefined) fail(run, `something was written to ${subject} after its ${before}`);
    const message = JSON.parse(Buffer.from(payload).toString()) as AttemptMessage;
    if (message.by === "coordinator") seen.closed.set(subject, "seal");
    else if (isEnd(message.fact)) seen.closed.set(subject, "last fact");
  }

  function checkEvent(run: string, seen: Seen, event: LogEvent): void {
    if (event.kind === "decision") checkDecision(run, seen, event);
    if (event.kind !== "fact" && event.kind !== "seal") return;
    const name = `${event.instance}.${event.attempt}`;
    const attempt = seen.attempts.get(name);
    if (attempt === undefined)
      return void fail(run, `${event.kind} of ${name}, which was not placed`);
    if (attempt.ended) fail(run, `${event.kind} of ${name} counted after it was ${attempt.ended}`);
    if (event.kind === "seal" && event.reason === "lost") seen.lost += 1;
    if (event.kind === "seal") attempt.ended = "sealed";
    else if (isEnd(event.fact)) {
      attempt.ended = "final";
      seen.ends.push(event.fact);
    }
    if (attempt.ended) busy.get(attempt.runner)?.delete(`${run}.${name}`);
    if (seen.runEnd !== undefined)
      fail(run, `${event.kind} of ${name} after the run ${seen.runEnd}`);
  }

  function checkDecision(run: string, seen: Seen, event: LogEvent & { kind: "decision" }): void {
    const { entry } = event;
    if (seen.runEnd !== undefined && entry.type !== "owner.changed") {
      fail(run, `${entry.type} after the run ${seen.runEnd}`);
    }
    if (
      entry.type === "run.succeeded" ||
      entry.type === "run.failed" ||
      entry.type === "run.cancelled"
    ) {
      seen.runEnd = entry.type;
    }
    if (
      entry.type === "instance.succeeded" ||
      entry.type === "instance.failed" ||
      entry.type === "instance.cancelled"
    ) {
      const outcomes = seen.outcomes.get(entry.instance) ?? [];
      outcomes.push(entry.type);
      seen.outcomes.set(entry.instance, outcomes);
      if (outcomes.length > 1) fail(run, `${entry.instance} ended twice: ${outcomes.join(", ")}`);
    }
    if (entry.type === "run.stopping" && entry.by === event.coordinator) seen.isGivenUp = true;
    if (entry.type === "attempt.placed") checkPlacement(run, seen, entry);
  }

  function checkPlacement(
    run: string,
    seen: Seen,
    { instance, attempt, runner }: { instance: string; attempt: number; runner: string },
  ): void {
    const name = `${instance}.${attempt}`;
    if (seen.attempts.has(name)) fail(run, `${name} was placed twice`);
    if (attempt > 1) {
      const before = seen.attempts.get(`${instance}.${attempt - 1}`);
      if (before === undefined) fail(run, `${name} was placed without the attempt before it`);
      else if (!before.ended)
        fail(run, `${name} was placed before the attempt before it had ended`);
    }
    seen.attempts.set(name, { runner, ended: undefined });
    const there = busy.get(runner) ?? new Set();
    busy.set(runner, there.add(`${run}.${name}`));
    if (there.size > slotsOf(runner)) {
      fail(run, `${there.size} attempts on ${runner}, which has ${slotsOf(runner)} slots`);
    }
  }

  return {
    violations,
    fail: (what) => void violations.push(what),
    run: (id) => {
      const seen = runs.get(id);
      return seen && { view: seen.fold.view, isGivenUp: seen.isGivenUp, lost: seen.lost };
    },
    take(message) {
      const run = message.subject.split(".")[3];
      if (run === undefined) return;
      const seen = seenOf(run);
      checkRaw(run, seen, message);
      seen.verifier.take(message);
      for (const event of seen.log.admit(message)) {
        const isIdle = event.kind === "stale" || event.kind === "void";
        const before = isIdle ? stateOf(seen.fold.view) : "";
        seen.fold.apply(event);
        if (isIdle && stateOf(seen.fold.view) !== before) {
          fail(run, `a message that does not count changed the state: ${JSON.stringify(event)}`);
        }
        if (event.kind === "unreadable") fail(run, `unreadable: ${event.reason}`);
        checkEvent(run, seen, event);
      }
    },
    conclude() {
      for (const [run, seen] of runs) {
        const said = seen.verifier.end().violations;
        for (const { rule, message, sequence } of said) {
          // What is not of a message is of the list of runs, which was not shown to it.
          if (sequence !== undefined) fail(run, `verify says of ${rule}: ${message}`);
        }
        const spend = spendOf(seen.fold.view.instances.values());
        const sum = seen.ends.reduce(
          (total, fact) => total + ("account" in fact ? (fact.account.costUsd ?? 0) : 0),
          0,
        );
        if (Math.abs(spend.costUsd - sum) > 1e-9) {
          fail(run, `its spend is ${spend.costUsd}, that of its attempts ${sum}`);
        }
      }
    },
  };
}

const isEnd = ({ type }: Fact) => type === "attempt.succeeded" || type === "attempt.failed";

/** All of a view that a message which does not count must leave alone. */
function stateOf(view: RunView): string {
  const { stale: _stale, sequence: _sequence, executions, instances, ...rest } = view;
  return JSON.stringify([rest, [...executions], [...instances]]);
}

/** For traces: a message of the log in a few words. */
export function inWords({ subject, payload }: StoredMessage): string {
  const text = Buffer.from(payload).toString();
  if (subjects.decision.parse(subject)) {
    const { epoch, n, coordinator, entries } = DecisionMessage.parse(JSON.parse(text));
    const told = entries.map((entry) =>
      "instance" in entry
        ? `${entry.type} ${entry.instance.slice(0, 4)}${"attempt" in entry ? `.${entry.attempt}` : ""}${"runner" in entry ? ` on ${entry.runner}` : ""}`
        : entry.type,
    );
    return `${coordinator} decided ${epoch}.${n}: ${told.join(", ")}`;
  }
  if (!subjects.fact.parse(subject)) return subject;
  const message = AttemptMessage.parse(JSON.parse(text));
  const name = `${message.instance.slice(0, 4)}.${message.attempt}`;
  if (message.by === "coordinator")
    return `${message.coordinator} sealed ${name}: ${message.reason}`;
  const { fact } = message;
  const more = "phase" in fact ? fact.phase : "error" in fact ? fact.error.code : "";
  return `${message.runner} (${message.incarnation}) told of ${name}: ${fact.type} ${more}`;
}

import { AttemptMessage, DecisionMessage, subjects } from "@pitaya/protocol";
import type { LogMessage } from "../run-log.ts";
import type { Violation } from "./violation.ts";

/** One writer's part of a chain: an epoch's, or an incarnation's. */
interface Stretch {
  writer: string;
  n: number;
}

interface Chain extends Stretch {
  /** Writers that had their part and were followed by another. */
  readonly past: Set<string>;
  ended: boolean;
}

/**
 * Holds messages as they were stored against the rule that each subject is one chain. It reads them
 * anew and asks no fold: what a fold sets aside shows here as the gap or the fork it came from.
 * What comes after a seal or a final fact is no part of the chain.
 */
export function chainCheck() {
  const decisions: Chain = { writer: "", n: 0, past: new Set(), ended: false };
  const coordinators = new Map<number, string>();
  const attempts = new Map<string, Chain>();

  function* onDecision(message: LogMessage): Generator<Violation> {
    const { sequence } = message;
    const { epoch, n, coordinator, entries } = DecisionMessage.parse(jsonOf(message));
    const known = coordinators.get(epoch) ?? coordinator;
    coordinators.set(epoch, known);
    if (known !== coordinator) {
      const text = `epoch ${epoch} is decided by ${known} and by ${coordinator}`;
      yield { rule: "writer", sequence, message: text };
    }
    const last = Number(decisions.writer || 0);
    if (epoch < last) return;
    if (epoch > last && last > 0 && entries[0]?.type !== "owner.changed") {
      const text = `epoch ${epoch} begins with ${entries[0]?.type} and not with owner.changed`;
      yield { rule: "writer", sequence, message: text };
    }
    yield* follows(decisions, { writer: String(epoch), n }, sequence, "decisions");
  }

  function* onAttempt(message: LogMessage, key: string): Generator<Violation> {
    const { sequence, subject } = message;
    const parsed = AttemptMessage.parse(jsonOf(message));
    const chain = attempts.get(key) ?? { writer: "", n: 0, past: new Set(), ended: false };
    const isFirst = !attempts.has(key);
    attempts.set(key, chain);
    if (chain.ended) return;
    if (parsed.by === "coordinator") {
      chain.ended = true;
      return;
    }
    const { incarnation, n, fact } = parsed;
    if (isFirst && fact.type !== "attempt.claimed") {
      const text = `${subject} begins with ${fact.type} and not with a claim`;
      yield { rule: "chain", sequence, message: text };
    }
    yield* follows(chain, { writer: incarnation, n }, sequence, subject);
    chain.ended = fact.type === "attempt.succeeded" || fact.type === "attempt.failed";
  }

  return {
    *take(message: LogMessage): Generator<Violation> {
      const attempt = subjects.fact.parse(message.subject);
      if (attempt) yield* onAttempt(message, message.subject);
      else if (subjects.decision.parse(message.subject)) yield* onDecision(message);
    },
  };
}

function* follows(
  chain: Chain,
  next: Stretch,
  sequence: number,
  what: string,
): Generator<Violation> {
  const place = `${next.writer}.${next.n}`;
  const before = `${chain.writer}.${chain.n}`;
  if (next.writer !== chain.writer) {
    if (chain.past.has(next.writer)) {
      yield {
        rule: "writer",
        sequence,
        message: `${what}: ${next.writer} goes on after ${before}`,
      };
    }
    if (chain.writer !== "") chain.past.add(chain.writer);
    if (next.n !== 1) {
      const message = `${what}: ${place} is the first of its writer, and what came before is missing`;
      yield { rule: "chain", sequence, message };
    }
  } else if (next.n > chain.n + 1) {
    yield { rule: "chain", sequence, message: `${what}: ${place} follows ${before}: a gap` };
  } else if (next.n <= chain.n) {
    yield { rule: "chain", sequence, message: `${what}: ${place} stands after ${before}: a fork` };
  }
  Object.assign(chain, next);
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const jsonOf = ({ payload }: LogMessage): unknown => JSON.parse(decoder.decode(payload));

import { streams } from "@pitaya/protocol";
import type { AppendResult, EventLog, StoredMessage } from "../bus.port.ts";
import { findLast } from "./find-last.ts";
import { type Link, untilAnswered } from "./link.ts";
import { publish } from "./publish.ts";
import { followStream, readStream } from "./reading.ts";
import { type FoundMessage, withoutTransport } from "./stored-message.ts";

const STREAM = streams.events.name;

export function natsEvents(link: Link): EventLog {
  /** Newest sequence an answer has named, by subject. A replica that is behind shows in it. */
  const known = new Map<string, number>();

  async function lastFound(
    subject: string,
    signal?: AbortSignal,
  ): Promise<FoundMessage | undefined> {
    const found = await findLast(link, STREAM, subject, {
      atLeast: known.get(subject) ?? 0,
      ...(signal === undefined ? {} : { signal }),
    });
    if (found !== undefined) remember(known, subject, found.sequence);
    return found;
  }

  return {
    async append(subject, { id, payload, expectedLast }, signal): Promise<AppendResult> {
      const patience = { doing: "store an event", ...(signal === undefined ? {} : { signal }) };
      const answer = await publish(link, { subject, payload, id, expectedLast }, patience);
      const named = answer.status === "stored" ? answer.sequence : answer.lastSequence;
      remember(known, subject, named);
      if (answer.status === "stored" && !answer.duplicate) {
        return { status: "stored", sequence: answer.sequence };
      }
      // Either this very message was stored by an earlier try, or another one is in its place.
      const last = await lastFound(subject, signal);
      if (last !== undefined && last.id === id && sameBytes(last.payload, payload)) {
        return { status: "stored", sequence: last.sequence };
      }
      // A duplicate that has been followed by another message: the id alone must do, and it names
      // chain and place, so nobody else can have used it.
      return answer.status === "stored" && last !== undefined && last.sequence > answer.sequence
        ? { status: "stored", sequence: answer.sequence }
        : { status: "conflict" };
    },

    async note(subject, { id, payload }) {
      const answer = await publish(link, { subject, payload, id }, { doing: "store a note" });
      return answer.status === "stored" ? answer.sequence : 0;
    },

    async last(subject): Promise<StoredMessage | undefined> {
      const found = await lastFound(subject);
      if (found === undefined) return undefined;
      return withoutTransport(found);
    },

    read: (filters, fromSequence) => readStream(link, STREAM, filters, fromSequence),
    follow: (filters, options) => followStream(link, STREAM, filters, options),

    async fill() {
      const { state, config } = await untilAnswered(
        link,
        { doing: "look at the event stream" },
        () => link.jsm.streams.info(STREAM),
      );
      return config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
    },
  };
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

const REMEMBERED_SUBJECTS = 10_000;

function remember(known: Map<string, number>, subject: string, sequence: number): void {
  const newest = Math.max(known.get(subject) ?? 0, sequence);
  known.delete(subject);
  known.set(subject, newest);
  const [oldest] = known.keys();
  if (known.size > REMEMBERED_SUBJECTS && oldest !== undefined) known.delete(oldest);
}

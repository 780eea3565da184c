import { nuid } from "@nats-io/transport-node";
import { streams } from "@pitaya/protocol";
import type { AppendResult, EventLog, StoredMessage } from "../bus.port.ts";
import { findLast } from "./find-last.ts";
import type { Link } from "./link.ts";
import { untilAnswered } from "./patience.ts";
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
      const tryAs = (id: string) => publish(link, { subject, payload, id, expectedLast }, patience);

      let answer = await tryAs(id);
      if (answer.status === "stored" && answer.duplicate) {
        const last = await lastFound(subject, signal);
        if (isMine(last, id, payload)) return { status: "stored", sequence: last.sequence };
        // De-duplication spans the stream, so a note under this id, by mistake or malice, makes the
        // server drop the message. What fences is the place in the chain, and that is still asked for.
        answer = await tryAs(`${id}${OTHER_ID}${nuid.next()}`);
      }
      remember(known, subject, answer.status === "stored" ? answer.sequence : answer.lastSequence);
      if (answer.status === "stored") return { status: "stored", sequence: answer.sequence };
      const last = await lastFound(subject, signal);
      return isMine(last, id, payload)
        ? { status: "stored", sequence: last.sequence }
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

    async state() {
      const { state, config, created } = await untilAnswered(
        link,
        { doing: "look at the event stream" },
        () => link.jsm.streams.info(STREAM),
      );
      const fill = config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
      return { fill, created, lastSequence: state.last_seq };
    },
  };
}

/** Between the id a message has and what made it unique where that was taken. */
const OTHER_ID = "~";

/** Whether the subject's last message is the very one that was to be stored. */
const isMine = (
  last: FoundMessage | undefined,
  id: string,
  payload: Uint8Array,
): last is FoundMessage =>
  last !== undefined &&
  last.id.split(OTHER_ID, 1)[0] === id &&
  Buffer.compare(last.payload, payload) === 0;

const REMEMBERED_SUBJECTS = 10_000;

function remember(known: Map<string, number>, subject: string, sequence: number): void {
  const newest = Math.max(known.get(subject) ?? 0, sequence);
  known.delete(subject);
  known.set(subject, newest);
  const [oldest] = known.keys();
  if (known.size > REMEMBERED_SUBJECTS && oldest !== undefined) known.delete(oldest);
}

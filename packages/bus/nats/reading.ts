import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import { type Msg, nanos, nuid } from "@nats-io/transport-node";
import { PitayaError } from "@pitaya/protocol";
import type { CaughtUp, StoredMessage } from "../bus.port.ts";
import { busError, Interrupted, isPassing } from "./failures.ts";
import { type Link, pause, untilAnswered } from "./link.ts";
import { openPull } from "./pull.ts";
import { deliveryInfo, fromDelivery } from "./stored-message.ts";

const BATCH_MESSAGES = 256;
const BATCH_BYTES = 4 * 1024 * 1024;
/** A consumer nobody asks any more is removed by the server after this long. */
const INACTIVE_MS = 10_000;
const AGAIN_MS = 50;

export interface Reading {
  readonly stream: string;
  readonly filters: readonly string[];
  readonly from: { readonly sequence: number } | "newest of each subject";
}

/** A message with the transport's own headers, which tell the life of keys. */
export type ReadMessage = StoredMessage & { readonly raw: Msg };

/**
 * One consumer's life: messages from a point on, with back-pressure, and `CaughtUp` once. It never
 * leaves a gap: whatever could be one ends it.
 *
 * @throws {Interrupted} when it has to begin anew after the last message it gave
 */
export async function* readOnce(
  link: Link,
  reading: Reading,
  signal: AbortSignal,
): AsyncGenerator<ReadMessage | CaughtUp> {
  const consumer = await createConsumer(link, reading, signal);
  const buffer: (ReadMessage | CaughtUp)[] = [];
  let wake = () => {};
  let failure: Error | undefined;
  let place = 0;
  let behind = consumer.pending;
  let requested = false;

  const caughtUp = () => {
    behind = -1;
    buffer.push({ caughtUp: true });
  };
  const pull = openPull(link, reading.stream, consumer.name, {
    message(raw) {
      const info = raw.reply === undefined ? undefined : deliveryInfo(raw.reply);
      if (failure !== undefined) return;
      place += 1;
      if (info === undefined || info.place !== place) {
        failure = new Interrupted("a message was missed");
      } else {
        buffer.push({ ...fromDelivery(raw, info), raw });
        if (behind > 0) behind -= 1;
        if (behind === 0 || (behind > 0 && info.pending === 0)) caughtUp();
      }
      wake();
    },
    idle() {
      // What was pending at the start and is not coming was removed meanwhile.
      if (behind >= 0) caughtUp();
      wake();
    },
    end(why) {
      requested = false;
      if (why === "denied") {
        failure = new PitayaError(
          "permission_denied",
          `The NATS server refused to read ${reading.stream}.`,
        );
      } else if (why !== "spent") {
        failure ??= new Interrupted("the server stopped sending");
      }
      wake();
    },
  });
  const aborted = () => wake();
  signal.addEventListener("abort", aborted);
  try {
    if (behind === 0) caughtUp();
    while (!signal.aborted) {
      const next = buffer.shift();
      if (next !== undefined) {
        yield next;
      } else if (failure !== undefined) {
        throw failure;
      } else {
        if (!requested) {
          requested = true;
          pull.request(BATCH_MESSAGES, BATCH_BYTES);
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    signal.removeEventListener("abort", aborted);
    pull.close();
  }
}

async function createConsumer(
  link: Link,
  { stream, filters, from }: Reading,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly pending: number }> {
  const info = await untilAnswered(link, { doing: `read ${stream}`, signal }, () =>
    link.jsm.consumers.add(stream, {
      name: `r-${nuid.next()}`,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
      ...(filters.length === 1 && filters[0] !== undefined
        ? { filter_subject: filters[0] }
        : { filter_subjects: [...filters] }),
      ...(from === "newest of each subject"
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from.sequence }),
    }),
  );
  return { name: info.name, pending: info.num_pending };
}

/** Messages from a sequence on to what is stored now. */
export async function* readStream(
  link: Link,
  stream: string,
  filters: readonly string[],
  fromSequence = 1,
): AsyncIterable<StoredMessage> {
  const reading = { signal: link.closed, fromSequence };
  for await (const item of followStream(link, stream, filters, reading)) {
    if ("caughtUp" in item) return;
    yield item;
  }
}

/** Messages from a sequence on without end, each once, through whatever happens to the server. */
export async function* followStream(
  link: Link,
  stream: string,
  filters: readonly string[],
  { signal, fromSequence = 1 }: { readonly signal: AbortSignal; readonly fromSequence?: number },
): AsyncIterable<StoredMessage | CaughtUp> {
  const ended = AbortSignal.any([signal, link.closed]);
  let next = Math.max(1, fromSequence);
  let caughtUp = false;
  let created: string | undefined;
  while (!ended.aborted) {
    try {
      created = await sameStream(link, stream, created, next - 1, ended);
      const reading = { stream, filters, from: { sequence: next } };
      for await (const item of readOnce(link, reading, ended)) {
        if ("caughtUp" in item) {
          if (!caughtUp) yield item;
          caughtUp = true;
        } else {
          const { raw: _, ...message } = item;
          next = message.sequence + 1;
          yield message;
        }
      }
    } catch (error) {
      if (ended.aborted) break;
      if (!isPassing(error)) throw busError(error, `read ${stream}`);
      await pause(AGAIN_MS, ended);
    }
  }
  if (link.closed.aborted && !signal.aborted) {
    throw new PitayaError("bus_unavailable", `Reading ${stream} ended with the connection.`);
  }
}

/**
 * A stream that was made anew, or that lost its end with a power failure, gives out sequences a
 * second time. Whoever remembers one must not go on as if nothing had been.
 */
async function sameStream(
  link: Link,
  stream: string,
  createdBefore: string | undefined,
  seen: number,
  signal: AbortSignal,
): Promise<string> {
  const { created, state } = await untilAnswered(link, { doing: `read ${stream}`, signal }, () =>
    link.jsm.streams.info(stream),
  );
  const anew = createdBefore !== undefined && createdBefore !== created;
  if (!anew && state.last_seq >= seen) return created;
  throw new PitayaError(
    "chain_conflict",
    anew
      ? `Stream ${stream} is another than before: it was created at ${created}, not ${createdBefore}.`
      : `Stream ${stream} went back: message ${seen} was read, and now the last one is ${state.last_seq}.`,
    {
      hint: "The server lost or replaced its data. Restore it, or start this process anew to go on with what is there.",
    },
  );
}

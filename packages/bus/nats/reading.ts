import { PitayaError, streams } from "@pitaya/protocol";
import type { CaughtUp, StoredMessage } from "../bus.port.ts";
import { coveringFilter, matchesAny } from "../subject-filter.rules.ts";
import { getBatch } from "./batch-get.ts";
import { busError, isPassing } from "./failures.ts";
import type { Link } from "./link.ts";
import { pause, untilAnswered } from "./patience.ts";
import { withoutTransport } from "./stored-message.ts";
import { type Source, tailOnce } from "./tail.ts";

const AGAIN_MS = 50;
const LOOK_EVERY_MS = 1_000;

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
  const filter = coveringFilter(filters);
  const source: Source = {
    stream,
    filter,
    lookAgainMs: () => LOOK_EVERY_MS,
    next: (from) => getBatch(link, stream, filter, from),
  };
  let next = Math.max(1, fromSequence);
  let caughtUp = false;
  let created: string | undefined;
  while (!ended.aborted) {
    try {
      const found = await sameStream(link, stream, created, next - 1, ended);
      created = found.created;
      next = Math.min(next, found.lastSequence + 1);
      for await (const item of tailOnce(link, source, next, ended)) {
        if ("caughtUp" in item) {
          if (!caughtUp) yield item;
          caughtUp = true;
        } else {
          next = item.sequence + 1;
          if (matchesAny(filters, item.subject)) yield withoutTransport(item);
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

/** Streams that are not synced lose their end when the server is killed; so it is with them. */
const losesItsEnd = (stream: string): boolean =>
  Object.values(streams).some(({ name, persist }) => name === stream && persist === "async");

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
): Promise<{ readonly created: string; readonly lastSequence: number }> {
  const { created, state } = await untilAnswered(link, { doing: `read ${stream}`, signal }, () =>
    link.jsm.streams.info(stream),
  );
  const anew = createdBefore !== undefined && createdBefore !== created;
  const lastSequence = state.last_seq;
  if (!anew && (lastSequence >= seen || losesItsEnd(stream))) return { created, lastSequence };
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

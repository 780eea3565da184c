import { PitayaError } from "@pitaya/protocol";
import type { AppendResult, EventLog, LogReader, OutputLog } from "../bus.port.ts";
import { followMemory, readMemory, shown } from "./memory-reading.ts";
import type { Kept, MemoryAppend, MemoryStream } from "./memory-stream.ts";

export const streamFull = (what: string) =>
  new PitayaError("store_full", `The store has no room left for ${what}.`, {
    hint: "Remove old runs, or give the server more room.",
  });

export function storedSequence(result: MemoryAppend, what: string): number {
  if (result.status === "stored") return result.sequence;
  throw streamFull(what);
}

/** @param maxBytes of the stream, to tell how full it is */
export function memoryEvents(
  stream: MemoryStream,
  maxBytes: number,
  closed: AbortSignal,
): EventLog {
  return {
    async append(subject, { id, payload, expectedLast }): Promise<AppendResult> {
      let result = stream.append(subject, payload, { id, expectedLast });
      const last = stream.last(subject);
      if (result.status === "stored" && result.duplicate && !isMine(last, id, payload)) {
        // The id was used elsewhere; what counts is the place in the chain.
        result = stream.append(subject, payload, { expectedLast });
      }
      if (result.status === "full") throw streamFull("events");
      if (result.status === "stored") return { status: "stored", sequence: result.sequence };
      return isMine(last, id, payload)
        ? { status: "stored", sequence: last.sequence }
        : { status: "conflict" };
    },
    note: async (subject, { id, payload }) =>
      storedSequence(stream.append(subject, payload, { id }), "events"),
    ...readersOf(stream, closed),
    state: async () => ({
      fill: stream.bytes / maxBytes,
      created: "memory",
      lastSequence: stream.lastSequence,
    }),
  };
}

const readersOf = (stream: MemoryStream, closed: AbortSignal): LogReader => ({
  async last(subject) {
    const message = stream.last(subject);
    return message === undefined ? undefined : shown(message);
  },
  read: (filters, fromSequence) => readMemory(stream, filters, fromSequence),
  follow: (filters, { fromSequence, signal }) =>
    followMemory(stream, filters, AbortSignal.any([signal, closed]), fromSequence),
});

/** Whether the message in the way is the very one that was to be stored. */
const isMine = (last: Kept | undefined, id: string, payload: Uint8Array): last is Kept =>
  last !== undefined && last.id === id && Buffer.compare(last.payload, payload) === 0;

export function memoryOutput(
  stream: MemoryStream,
  isFull: () => boolean,
  closed: AbortSignal,
): OutputLog {
  return {
    async publish(subject, payload, headers) {
      if (isFull()) throw streamFull("output");
      storedSequence(stream.append(subject, payload, { headers }), "output");
    },
    ...readersOf(stream, closed),
  };
}

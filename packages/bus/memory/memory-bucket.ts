import type { BucketDescriptor } from "@pitaya/protocol";
import type { Bucket, Entry } from "../bus.port.ts";
import type { Clock } from "./clock.ts";
import { storedSequence } from "./memory-events.ts";
import { nextAppend } from "./memory-reading.ts";
import { copyOf, type Kept, type MemoryStream } from "./memory-stream.ts";

const GONE = { "KV-Operation": "DEL" } as const;
const NOTHING = new Uint8Array();

const isGone = (message: Kept) => "KV-Operation" in message.headers;

const entryOf = (message: Kept | undefined): Entry | undefined =>
  message === undefined || isGone(message)
    ? undefined
    : {
        key: message.subject,
        value: copyOf(message.payload),
        revision: message.sequence,
        writtenAt: message.storedAt,
      };

/** A bucket over a stream that keeps one message a subject. A key that lapses leaves a mark, as on the server. */
export function memoryBucket(
  stream: MemoryStream,
  descriptor: BucketDescriptor,
  clock: Clock,
  closed: AbortSignal,
): Bucket {
  const lapseLater = (key: string, revision: number, ttlMs: number | undefined) => {
    if (ttlMs === undefined) return;
    clock.after(ttlMs, () => {
      if (stream.last(key)?.sequence === revision) stream.append(key, NOTHING, { headers: GONE });
    });
  };

  const bucket: Bucket = {
    get: async (key) => entryOf(stream.last(key)),
    async put(key, value, { ttlMs = descriptor.ttlMs } = {}) {
      const revision = storedSequence(stream.append(key, value), descriptor.name);
      lapseLater(key, revision, ttlMs);
      return revision;
    },
    async replace(key, value, expected, options) {
      const last = stream.last(key);
      const present = last === undefined || isGone(last) ? 0 : last.sequence;
      return present === expected ? bucket.put(key, value, options) : undefined;
    },
    async delete(key) {
      if (entryOf(stream.last(key)) !== undefined) stream.append(key, NOTHING, { headers: GONE });
    },
    entries: async () =>
      stream
        .all()
        .map(entryOf)
        .filter((entry) => entry !== undefined),
    async *watch(signal) {
      const ended = AbortSignal.any([signal, closed]);
      let from = stream.lastSequence + 1;
      for (const entry of await bucket.entries()) yield entry;
      yield { initialised: true };
      while (!ended.aborted) {
        const message = stream.next([">"], from);
        if (message === undefined) {
          await nextAppend(stream, ended);
        } else {
          from = message.sequence + 1;
          yield entryOf(message) ?? { key: message.subject, gone: true };
        }
      }
    },
  };
  return bucket;
}

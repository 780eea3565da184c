import type { MsgHdrs } from "@nats-io/transport-node";
import type { Bucket, Entry } from "../bus.port.ts";
import type { Batch } from "./batch-get.ts";
import { busError, isPassing } from "./failures.ts";
import type { Link } from "./link.ts";
import { pause } from "./patience.ts";
import type { FoundMessage } from "./stored-message.ts";
import { tailOnce } from "./tail.ts";

const AGAIN_MS = 50;
const LOOK_EVERY_MS = 1_000;
/** A key that should have lapsed and is still there is looked at again after this long. */
const LATE_MS = 200;

/** A bucket as it is watched. */
export interface BucketView {
  readonly stream: string;
  /** All its subjects, and what stands before the key in each. */
  readonly filter: string;
  readonly prefix: string;
  readonly doing: string;
  next(from: number): Promise<Batch>;
  present(key: string): Promise<Entry | undefined>;
}

type Change = ReturnType<Bucket["watch"]> extends AsyncIterable<infer T> ? T : never;

/**
 * The server removes a key that lapses without a word, so a watcher knows each key's time to live
 * and looks when it should be over.
 */
export async function* watchBucket(
  link: Link,
  view: BucketView,
  signal: AbortSignal,
): AsyncGenerator<Change> {
  const ended = AbortSignal.any([signal, link.closed]);
  /** What the caller has been told is there: revision, and when it may be gone, of our own clock. */
  const told = new Map<string, { readonly revision: number; dueAt: number }>();
  let initialised = false;

  const source = {
    ...view,
    lookAgainMs() {
      let dueAt = performance.now() + LOOK_EVERY_MS;
      for (const key of told.values()) dueAt = Math.min(dueAt, key.dueAt);
      return Math.max(1, dueAt - performance.now());
    },
  };

  const lapsed = async (): Promise<Change[]> => {
    const changes: Change[] = [];
    for (const [key, known] of told) {
      if (known.dueAt > performance.now()) continue;
      if ((await view.present(key)) !== undefined) {
        known.dueAt = performance.now() + LATE_MS;
      } else if (told.delete(key)) {
        changes.push({ key, gone: true });
      }
    }
    return changes;
  };

  while (!ended.aborted) {
    // From the beginning each time: a key that was removed while nobody looked left no trace.
    const missing = new Set(told.keys());
    try {
      for await (const item of tailOnce(link, source, 1, ended)) {
        if ("caughtUp" in item) {
          for (const key of missing) if (told.delete(key)) yield { key, gone: true };
          missing.clear();
          if (!initialised) yield { initialised: true };
          initialised = true;
          yield* await lapsed();
          continue;
        }
        const entry = entryOf(item, view.prefix);
        missing.delete(entry.key);
        if (isGone(item.transport)) {
          if (told.delete(entry.key)) yield { key: entry.key, gone: true };
        } else if (told.get(entry.key)?.revision !== entry.revision) {
          told.set(entry.key, { revision: entry.revision, dueAt: dueAt(item) });
          yield entry;
        }
      }
    } catch (error) {
      if (ended.aborted) break;
      if (!isPassing(error)) throw busError(error, view.doing);
      await pause(AGAIN_MS, ended);
    }
  }
}

export const entryOf = (found: FoundMessage, prefix: string): Entry => ({
  key: found.subject.slice(prefix.length),
  value: found.payload,
  revision: found.sequence,
  writtenAt: found.storedAt,
});

/** It was deleted, and only the mark of that is left. */
export const isGone = (headers: MsgHdrs): boolean => headers.get("KV-Operation") !== "";

/**
 * When a key may have lapsed. The server's clock is another than ours, so this is only when to look:
 * at the earliest now, at the latest after its whole time from now.
 */
function dueAt(message: FoundMessage): number {
  const ttlMs = Number.parseInt(message.transport.get("Nats-TTL"), 10) * 1_000;
  if (Number.isNaN(ttlMs)) return Number.POSITIVE_INFINITY;
  const leftMs = message.storedAt.getTime() + ttlMs - Date.now();
  return performance.now() + Math.min(ttlMs, Math.max(0, leftMs));
}

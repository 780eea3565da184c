import { type MsgHdrs, headers as makeHeaders, nuid } from "@nats-io/transport-node";
import { type BucketDescriptor, buckets, PitayaError } from "@pitaya/protocol";
import type { Bucket, Entry } from "../bus.port.ts";
import { type Batch, getBatch } from "./batch-get.ts";
import { apiCode, busError, isPassing, jsCodes } from "./failures.ts";
import { findLast } from "./find-last.ts";
import { type Link, pause, untilAnswered } from "./link.ts";
import { publish } from "./publish.ts";
import type { FoundMessage } from "./stored-message.ts";
import { type Source, tailOnce } from "./tail.ts";

/** Longest an operation is repeated before it is given up: leases are lost rather than waited for. */
const PATIENCE_MS = 5_000;
/** What a removed key leaves behind lapses after this long; by then every watcher has seen it. */
const GRAVE_MS = 600_000;
const AGAIN_MS = 50;
/** The server says nothing when it marks a key as lapsed. */
const LOOK_EVERY_MS = 250;
const KEY = /^[-/_=.a-zA-Z0-9]{1,256}$/;

/** Its values decide who leads, so they are read from the leader only, never from a replica. */
export const readsDirectly = (bucket: BucketDescriptor): boolean =>
  bucket.name !== buckets.leases.name;

export const bucketStream = (bucket: BucketDescriptor): string => `KV_${bucket.name}`;

export function natsBucket(link: Link, descriptor: BucketDescriptor): Bucket {
  const stream = bucketStream(descriptor);
  const prefix = `$KV.${descriptor.name}.`;
  const everything = `${prefix}>`;
  const patience = { doing: `use the bucket ${descriptor.name}`, forMs: PATIENCE_MS };
  const direct = readsDirectly(descriptor);

  const subjectOf = (key: string) => {
    if (KEY.test(key)) return `${prefix}${key}`;
    throw new PitayaError("internal", `${JSON.stringify(key)} cannot be a key of a bucket.`);
  };

  const find = (key: string): Promise<FoundMessage | undefined> => {
    const subject = subjectOf(key);
    return direct
      ? findLast(link, stream, subject)
      : untilAnswered(link, patience, () => fromLeader(link, stream, { last_by_subj: subject }));
  };

  const entryOf = ({ subject, payload, sequence }: FoundMessage): Entry => ({
    key: subject.slice(prefix.length),
    value: payload,
    revision: sequence,
  });

  const source: Source = {
    stream,
    filter: everything,
    lookEveryMs: LOOK_EVERY_MS,
    next: (from) =>
      direct
        ? getBatch(link, stream, everything, from)
        : oneFromLeader(link, stream, everything, from),
  };

  const write = (
    key: string,
    value: Uint8Array,
    ttlMs: number | undefined,
    expectedLast: number | undefined,
  ) =>
    publish(
      link,
      {
        subject: subjectOf(key),
        payload: value,
        id: nuid.next(),
        ...(ttlMs === undefined ? {} : { ttlMs }),
        ...(expectedLast === undefined ? {} : { expectedLast }),
      },
      patience,
    );

  const bucket: Bucket = {
    async get(key) {
      const found = await find(key);
      return found === undefined || isGone(found.transport) ? undefined : entryOf(found);
    },

    async put(key, value, { ttlMs = descriptor.ttlMs } = {}) {
      const answer = await write(key, value, ttlMs, undefined);
      return answer.status === "stored" ? answer.sequence : 0;
    },

    async replace(key, value, expected, { ttlMs = descriptor.ttlMs } = {}) {
      const answer = await write(key, value, ttlMs, expected);
      if (answer.status === "stored") return answer.sequence;
      if (expected !== 0) return undefined;
      // A key that went leaves a mark, and to the server that is its last message.
      const found = await find(key);
      if (found === undefined || !isGone(found.transport)) return undefined;
      const again = await write(key, value, ttlMs, found.sequence);
      return again.status === "stored" ? again.sequence : undefined;
    },

    async delete(key) {
      const mark = { subject: subjectOf(key), payload: new Uint8Array(), headers: DELETED };
      await publish(link, { ...mark, ttlMs: GRAVE_MS, id: nuid.next() }, patience);
    },

    async entries() {
      const found: Entry[] = [];
      for await (const item of bucket.watch(link.closed)) {
        if ("initialised" in item) break;
        if (!("gone" in item)) found.push(item);
      }
      return found;
    },

    async *watch(signal) {
      const ended = AbortSignal.any([signal, link.closed]);
      /** Revisions of what the caller has been told is there. */
      const told = new Map<string, number>();
      let initialised = false;
      while (!ended.aborted) {
        // From the beginning each time: a key that went while nobody looked left no trace.
        const shown = new Set<string>();
        try {
          for await (const item of tailOnce(link, source, 1, ended)) {
            if ("caughtUp" in item) {
              for (const key of [...told.keys()].filter((known) => !shown.has(known))) {
                told.delete(key);
                yield { key, gone: true };
              }
              if (!initialised) yield { initialised: true };
              initialised = true;
              continue;
            }
            const entry = entryOf(item);
            shown.add(entry.key);
            if (isGone(item.transport)) {
              if (told.delete(entry.key)) yield { key: entry.key, gone: true };
            } else if (told.get(entry.key) !== entry.revision) {
              told.set(entry.key, entry.revision);
              yield entry;
            }
          }
        } catch (error) {
          if (ended.aborted) break;
          if (!isPassing(error)) throw busError(error, patience.doing);
          await pause(AGAIN_MS, ended);
        }
      }
    },
  };
  return bucket;
}

const DELETED = { "KV-Operation": "DEL" } as const;

const isGone = (headers: MsgHdrs) =>
  headers.get("KV-Operation") !== "" || headers.get("Nats-Marker-Reason") !== "";

type LeaderQuery =
  | { readonly last_by_subj: string }
  | { readonly seq: number; readonly next_by_subj: string };

async function fromLeader(
  link: Link,
  stream: string,
  query: LeaderQuery,
): Promise<FoundMessage | undefined> {
  try {
    const found = await link.jsm.streams.getMessage(stream, query);
    if (found === null) return undefined;
    const transport = found.header ?? makeHeaders();
    return {
      subject: found.subject,
      sequence: found.seq,
      storedAt: found.time,
      payload: found.data,
      headers: {},
      id: transport.get("Nats-Msg-Id"),
      transport,
    };
  } catch (error) {
    if (apiCode(error) === jsCodes.noMessage) return undefined;
    throw error;
  }
}

async function oneFromLeader(
  link: Link,
  stream: string,
  filter: string,
  from: number,
): Promise<Batch> {
  const found = await fromLeader(link, stream, { seq: from, next_by_subj: filter });
  return { messages: found === undefined ? [] : [found], end: found === undefined };
}

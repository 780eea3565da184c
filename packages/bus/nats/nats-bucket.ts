import { headers as makeHeaders, nuid } from "@nats-io/transport-node";
import { type BucketDescriptor, buckets, PitayaError } from "@pitaya/protocol";
import type { Bucket, Entry } from "../bus.port.ts";
import { type Batch, getBatch } from "./batch-get.ts";
import { apiCode, jsCodes } from "./failures.ts";
import { findLast } from "./find-last.ts";
import type { Link } from "./link.ts";
import { untilAnswered } from "./patience.ts";
import { publish } from "./publish.ts";
import type { FoundMessage } from "./stored-message.ts";
import { entryOf, isGone, watchBucket } from "./watch-bucket.ts";

/** Longest an operation is repeated before it is given up: leases are lost rather than waited for. */
const PATIENCE_MS = 5_000;
/** What a removed key leaves behind lapses after this long; by then every watcher has seen it. */
const GRAVE_MS = 600_000;
const KEY = /^[-/_=.a-zA-Z0-9]{1,256}$/;

/** Its values decide who leads, so they are read from the leader only, never from a replica. */
export const readsDirectly = (bucket: BucketDescriptor): boolean =>
  bucket.name !== buckets.leases.name;

export const bucketStream = (bucket: BucketDescriptor): string => `KV_${bucket.name}`;

export function natsBucket(link: Link, descriptor: BucketDescriptor): Bucket {
  const stream = bucketStream(descriptor);
  const prefix = `$KV.${descriptor.name}.`;
  const filter = `${prefix}>`;
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

  const present = async (key: string): Promise<Entry | undefined> => {
    const found = await find(key);
    return found === undefined || isGone(found.transport) ? undefined : entryOf(found, prefix);
  };

  const next = (from: number): Promise<Batch> =>
    direct ? getBatch(link, stream, filter, from) : oneFromLeader(link, stream, filter, from);

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
    get: present,

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

    watch: (signal) =>
      watchBucket(link, { stream, filter, prefix, next, present, doing: patience.doing }, signal),
  };
  return bucket;
}

const DELETED = { "KV-Operation": "DEL" } as const;

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

import { type MsgHdrs, nuid } from "@nats-io/transport-node";
import { type BucketDescriptor, buckets, PitayaError } from "@pitaya/protocol";
import type { Bucket, Entry } from "../bus.port.ts";
import { apiCode, busError, isPassing, jsCodes } from "./failures.ts";
import { findLast } from "./find-last.ts";
import { type Link, pause, untilAnswered } from "./link.ts";
import { publish } from "./publish.ts";
import { type ReadMessage, readOnce } from "./reading.ts";

/** Longest an operation is repeated before it is given up: leases are lost rather than waited for. */
const PATIENCE_MS = 5_000;
/** What a removed key leaves behind lapses after this long; by then every watcher has seen it. */
const GRAVE_MS = 600_000;
const AGAIN_MS = 50;
const KEY = /^[-/_=.a-zA-Z0-9]{1,256}$/;

/** Its values decide who leads, so they are read from the leader only, never from a replica. */
export const readsDirectly = (bucket: BucketDescriptor): boolean =>
  bucket.name !== buckets.leases.name;

export const bucketStream = (bucket: BucketDescriptor): string => `KV_${bucket.name}`;

interface Found extends Entry {
  /** It was deleted, or lapsed, and only the mark of that is left. */
  readonly gone: boolean;
}

export function natsBucket(link: Link, descriptor: BucketDescriptor): Bucket {
  const stream = bucketStream(descriptor);
  const prefix = `$KV.${descriptor.name}.`;
  const patience = { doing: `use the bucket ${descriptor.name}`, forMs: PATIENCE_MS };

  const subjectOf = (key: string) => {
    if (KEY.test(key)) return `${prefix}${key}`;
    throw new PitayaError("internal", `${JSON.stringify(key)} cannot be a key of a bucket.`);
  };

  async function find(key: string): Promise<Found | undefined> {
    const subject = subjectOf(key);
    if (readsDirectly(descriptor)) {
      const found = await findLast(link, stream, subject);
      return found === undefined
        ? undefined
        : { key, value: found.payload, revision: found.sequence, gone: isGone(found.transport) };
    }
    const found = await untilAnswered(link, patience, () => fromLeader(link, stream, subject));
    return found === null
      ? undefined
      : { key, value: found.data, revision: found.seq, gone: isGone(found.header) };
  }

  const entryOf = (message: ReadMessage): Found => ({
    key: message.subject.slice(prefix.length),
    value: message.payload,
    revision: message.sequence,
    gone: isGone(message.raw.headers),
  });

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

  return {
    async get(key) {
      const found = await find(key);
      return found === undefined || found.gone ? undefined : entry(found);
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
      if (found?.gone !== true) return undefined;
      const again = await write(key, value, ttlMs, found.revision);
      return again.status === "stored" ? again.sequence : undefined;
    },

    async delete(key) {
      const subject = subjectOf(key);
      const headers = { "KV-Operation": "DEL" };
      await publish(
        link,
        { subject, payload: new Uint8Array(), headers, ttlMs: GRAVE_MS, id: nuid.next() },
        patience,
      );
    },

    async entries() {
      const found: Entry[] = [];
      const stop = new AbortController();
      for await (const item of this.watch(stop.signal)) {
        if ("initialised" in item) break;
        if (!("gone" in item)) found.push(item);
      }
      stop.abort();
      return found;
    },

    async *watch(signal) {
      const ended = AbortSignal.any([signal, link.closed]);
      const reading = { stream, filters: [`${prefix}>`], from: "newest of each subject" } as const;
      /** What the caller has been told is there. */
      const told = new Map<string, number>();
      let initialised = false;
      while (!ended.aborted) {
        /** What this reading has shown. What the caller knows and it does not show went meanwhile. */
        const shown = new Set<string>();
        try {
          for await (const item of readOnce(link, reading, ended)) {
            if ("caughtUp" in item) {
              for (const key of [...told.keys()].filter((known) => !shown.has(known))) {
                told.delete(key);
                yield { key, gone: true };
              }
              if (!initialised) yield { initialised: true };
              initialised = true;
              continue;
            }
            const found = entryOf(item);
            shown.add(found.key);
            if (found.gone) {
              if (told.delete(found.key)) yield { key: found.key, gone: true };
            } else if (told.get(found.key) !== found.revision) {
              told.set(found.key, found.revision);
              yield entry(found);
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
}

const entry = ({ key, value, revision }: Found): Entry => ({ key, value, revision });

const isGone = (headers: MsgHdrs | undefined) =>
  headers !== undefined &&
  (headers.get("KV-Operation") !== "" || headers.get("Nats-Marker-Reason") !== "");

async function fromLeader(link: Link, stream: string, subject: string) {
  try {
    return await link.jsm.streams.getMessage(stream, { last_by_subj: subject });
  } catch (error) {
    if (apiCode(error) === jsCodes.noMessage) return null;
    throw error;
  }
}

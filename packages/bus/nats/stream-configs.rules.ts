import {
  DiscardPolicy,
  PersistMode,
  RetentionPolicy,
  StorageType,
  StoreCompression,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import {
  type BucketDescriptor,
  buckets,
  type StreamDescriptor,
  signOf,
  streams,
} from "@pitaya/protocol";
import { bucketStream, readsDirectly } from "./nats-bucket.ts";

const BUCKET_DUPLICATE_WINDOW_MS = 120_000;
const BUCKET_VALUE_BYTES = 512 * 1024;
/** Below this a stream is of no use, however small the budget. */
const LEAST_BYTES = 1024 ** 2;

export type Config = Partial<StreamConfig> & { readonly name: string; readonly max_bytes: number };

/** Bytes that the descriptors' own limits add up to. */
export const FULL_STORE_BYTES = [...Object.values(streams), ...Object.values(buckets)].reduce(
  (sum, { maxBytes }) => sum + maxBytes,
  0,
);

/**
 * What is asked of the server, for every stream and every bucket.
 *
 * @param maxStoreBytes of all together; the limits of the descriptors keep their proportions
 */
export function streamConfigs(replicas: number, maxStoreBytes: number): readonly Config[] {
  const count = Object.keys(streams).length + Object.keys(buckets).length;
  const scale = Math.max(0, maxStoreBytes - count * LEAST_BYTES) / FULL_STORE_BYTES;
  // Each gets the least first and its share of the rest, so that together they stay in the budget.
  const sized = (maxBytes: number) =>
    Math.min(maxBytes, LEAST_BYTES + Math.floor(maxBytes * scale));
  return [
    ...Object.values(streams).map((s) => streamConfig(s, replicas, sized(s.maxBytes))),
    ...Object.values(buckets).map((b) => bucketConfig(b, replicas, sized(b.maxBytes))),
  ];
}

/** Streams that somebody waits for news of by reading. */
const followed: ReadonlySet<string> = new Set([streams.events.name, streams.output.name]);

const signs = (subject: string) => ({ src: subject, dest: signOf(subject), headers_only: true });

/**
 * The order to make them in: those that give room back come first, for the server counts what is
 * reserved and not what is used.
 *
 * @param there bytes that each stream which is there may take
 */
export const byGrowth = (
  configs: readonly Config[],
  there: ReadonlyMap<string, number>,
): readonly Config[] => {
  const growth = ({ name, max_bytes }: Config) => max_bytes - (there.get(name) ?? 0);
  return configs.toSorted((a, b) => growth(a) - growth(b));
};

function streamConfig(stream: StreamDescriptor, replicas: number, maxBytes: number): Config {
  return {
    name: stream.name,
    subjects: [...stream.subjects],
    storage: StorageType.File,
    num_replicas: replicas,
    retention:
      stream.retention === "workqueue" ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: stream.discard === "new" ? DiscardPolicy.New : DiscardPolicy.Old,
    max_bytes: maxBytes,
    max_age: nanos(stream.maxAgeMs ?? 0),
    max_msg_size: stream.maxMessageBytes,
    max_consumers: stream.maxConsumers,
    duplicate_window: nanos(stream.duplicateWindowMs),
    compression: stream.compression === "s2" ? StoreCompression.S2 : StoreCompression.None,
    allow_direct: stream.allowDirect,
    ...(followed.has(stream.name) ? { republish: signs(stream.subjects[0] ?? ">") } : {}),
    // The server refuses it on replicated streams.
    ...(stream.persist === "async" && replicas === 1 ? { persist_mode: PersistMode.Async } : {}),
  };
}

function bucketConfig(bucket: BucketDescriptor, replicas: number, maxBytes: number): Config {
  return {
    name: bucketStream(bucket),
    subjects: [`$KV.${bucket.name}.>`],
    storage: StorageType.File,
    num_replicas: replicas,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_bytes: maxBytes,
    max_msg_size: BUCKET_VALUE_BYTES,
    max_consumers: 20_000,
    duplicate_window: nanos(BUCKET_DUPLICATE_WINDOW_MS),
    allow_direct: readsDirectly(bucket),
    republish: signs(`$KV.${bucket.name}.>`),
    // With them, a writer of one key could remove all others. Marks of lapsed keys would need them.
    allow_rollup_hdrs: false,
    deny_delete: true,
    allow_msg_ttl: true,
  };
}

/** Settings that the server has otherwise than they were asked for, in words. */
export function differences(asked: Config, found: Partial<StreamConfig>): readonly string[] {
  return (Object.keys(asked) as (keyof StreamConfig)[]).flatMap((key) =>
    JSON.stringify(asked[key]) === JSON.stringify(found[key] ?? unset(asked[key]))
      ? []
      : [
          `${key} is ${JSON.stringify(found[key]) ?? "not set"} instead of ${JSON.stringify(asked[key])}`,
        ],
  );
}

/** Servers leave out what is off. */
const unset = (asked: unknown) => {
  if (asked === false) return false;
  return asked === 0 ? 0 : undefined;
};

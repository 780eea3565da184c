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
  PitayaError,
  type StreamDescriptor,
  streams,
} from "@pitaya/protocol";
import { apiCode, busError, jsCodes } from "./failures.ts";
import { type Link, type LinkOptions, openLink, untilAnswered } from "./link.ts";
import { bucketStream, readsDirectly } from "./nats-bucket.ts";

/** How long a mark that a key lapsed stays for watchers to see. */
const MARKER_MS = 60_000;
const BUCKET_DUPLICATE_WINDOW_MS = 120_000;
const BUCKET_VALUE_BYTES = 512 * 1024;

export interface ProvisionOptions extends LinkOptions {
  /** Copies of each stream: 1, or 3 on a cluster. */
  readonly replicas?: number;
  /**
   * Bytes that all streams together may take. The limits of the descriptors keep their proportions.
   * Absent: the descriptors' own limits.
   */
  readonly maxStoreBytes?: number;
}

/**
 * Makes every stream and bucket, or brings it up to date, and checks that the server has them as
 * asked: older servers drop what they do not know without a word.
 *
 * @throws `server_too_old`, `server_misconfigured`, `bus_unavailable`, `permission_denied`
 */
export async function provision(options: ProvisionOptions): Promise<void> {
  const link = await openLink(options);
  try {
    if (link.nc.info?.jetstream !== true) throw noJetStream();
    for (const config of streamConfigs(options)) await ensureStream(link, config);
  } finally {
    await link.nc.close();
  }
}

type Config = Partial<StreamConfig> & { readonly name: string };

/** What is asked of the server, for every stream and every bucket. */
export function streamConfigs(
  options: Pick<ProvisionOptions, "replicas" | "maxStoreBytes">,
): readonly Config[] {
  const { replicas = 1, maxStoreBytes } = options;
  const all = [...Object.values(streams), ...Object.values(buckets)];
  const wanted = all.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
  const scale = maxStoreBytes === undefined ? 1 : Math.min(1, maxStoreBytes / wanted);
  const sized = (maxBytes: number) => Math.floor(maxBytes * scale);
  return [
    ...Object.values(streams).map((s: StreamDescriptor) => streamConfig(s, replicas, sized)),
    ...Object.values(buckets).map((b: BucketDescriptor) => bucketConfig(b, replicas, sized)),
  ];
}

function streamConfig(
  stream: StreamDescriptor,
  replicas: number,
  sized: (maxBytes: number) => number,
): Config {
  return {
    name: stream.name,
    subjects: [...stream.subjects],
    storage: StorageType.File,
    num_replicas: replicas,
    retention:
      stream.retention === "workqueue" ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    discard: stream.discard === "new" ? DiscardPolicy.New : DiscardPolicy.Old,
    max_bytes: stream.maxBytes === undefined ? -1 : sized(stream.maxBytes),
    max_age: nanos(stream.maxAgeMs ?? 0),
    max_msg_size: stream.maxMessageBytes,
    max_consumers: stream.maxConsumers,
    duplicate_window: nanos(stream.duplicateWindowMs),
    compression: stream.compression === "s2" ? StoreCompression.S2 : StoreCompression.None,
    allow_direct: stream.allowDirect,
    // The server refuses it on replicated streams.
    ...(stream.persist === "async" && replicas === 1 ? { persist_mode: PersistMode.Async } : {}),
  };
}

function bucketConfig(
  bucket: BucketDescriptor,
  replicas: number,
  sized: (maxBytes: number) => number,
): Config {
  return {
    name: bucketStream(bucket),
    subjects: [`$KV.${bucket.name}.>`],
    storage: StorageType.File,
    num_replicas: replicas,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_msgs_per_subject: 1,
    max_bytes: sized(bucket.maxBytes),
    max_msg_size: BUCKET_VALUE_BYTES,
    max_consumers: 20_000,
    duplicate_window: nanos(BUCKET_DUPLICATE_WINDOW_MS),
    allow_direct: readsDirectly(bucket),
    allow_rollup_hdrs: true,
    deny_delete: true,
    allow_msg_ttl: true,
    subject_delete_marker_ttl: nanos(MARKER_MS),
  };
}

async function ensureStream(link: Link, config: Config): Promise<void> {
  const doing = `make the stream ${config.name}`;
  const info = await untilAnswered(link, { doing, forMs: 30_000 }, async () => {
    try {
      const found = await link.jsm.streams.info(config.name);
      // Each update is written through to the disk, also one that changes nothing.
      if (differences(config, found.config).length === 0) return found;
    } catch (error) {
      if (apiCode(error) !== jsCodes.streamNotFound) throw error;
      return link.jsm.streams.add(config);
    }
    return link.jsm.streams.update(config.name, config);
  }).catch((error: unknown) => {
    throw misconfigured(config.name, busError(error, doing));
  });
  const differing = differences(config, info.config);
  if (differing.length > 0) {
    throw new PitayaError(
      "server_misconfigured",
      `The NATS server made the stream ${config.name} other than asked: ${differing.join("; ")}.`,
      { hint: "Use a nats-server of 2.12 or newer with file storage enabled for JetStream." },
    );
  }
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

/** A server that cannot have the stream answers with words of its own. */
const misconfigured = (name: string, error: PitayaError): PitayaError =>
  error.code === "internal"
    ? new PitayaError(
        "server_misconfigured",
        `The NATS server refused the stream ${name}: ${error.message}`,
        { cause: error, hint: "See the server's log; JetStream may lack room for it." },
      )
    : error;

const noJetStream = () =>
  new PitayaError("server_misconfigured", "The NATS server runs without JetStream.", {
    hint: "Start it with -js, or with a jetstream block in its configuration.",
  });

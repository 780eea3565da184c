import { type BucketDescriptor, buckets, streams } from "@pitaya/protocol";
import { blobStore } from "../blobs/blob-store.ts";
import type { PartStore } from "../blobs/part-store.port.ts";
import type { Bus, BusStatus } from "../bus.port.ts";
import { type Clock, virtualClock } from "./clock.ts";
import { memoryBucket } from "./memory-bucket.ts";
import { memoryEvents, memoryOutput, storedSequence } from "./memory-events.ts";
import { memoryQueue, queueState } from "./memory-queue.ts";
import { memoryRequests, type Responders } from "./memory-requests.ts";
import { copyOf, type MemoryStream, memoryStream } from "./memory-stream.ts";
import { memoryUpkeep } from "./memory-upkeep.ts";

/** A server in this process's memory, for tests: everything a {@link Bus} promises, kept as bytes. */
export interface MemoryBroker {
  /** A connection of the process with this id. */
  connect(id: string): Bus;
  /** Changes the stored message of a subject, as a failing disk would. */
  damage(subject: string, change: (payload: Uint8Array) => Uint8Array): void;
  /** Takes the stored messages of a subject away. */
  remove(subject: string): void;
  /** As on a full disk, output is taken no more. @returns a function that makes room again */
  refuseOutput(): () => void;
  /** Every payload it holds, to look for what must not be there. */
  payloads(): Iterable<Uint8Array>;
}

export interface MemoryBrokerOptions {
  readonly clock?: Clock;
  /** Bytes the event stream takes; to try a full one. */
  readonly maxEventBytes?: number;
}

const BUCKET_DUPLICATE_WINDOW_MS = 120_000;

/** @param options without a clock, time stands still */
export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  const clock = options.clock ?? virtualClock();
  const maxEventBytes = options.maxEventBytes ?? streams.events.maxBytes;
  const stream = (descriptor: (typeof streams)[keyof typeof streams], maxBytes: number) =>
    memoryStream({
      clock,
      duplicateWindowMs: descriptor.duplicateWindowMs,
      discard: descriptor.discard,
      maxBytes,
    });
  const events = stream(streams.events, maxEventBytes);
  const commands = stream(streams.commands, streams.commands.maxBytes);
  const output = stream(streams.output, streams.output.maxBytes);
  const blobs = stream(streams.blobs, streams.blobs.maxBytes);
  const queues = queueState();
  const responders: Responders = new Set();
  const bucketStreams = new Map<string, MemoryStream>();

  const bucketStream = (descriptor: BucketDescriptor): MemoryStream => {
    const known = bucketStreams.get(descriptor.name);
    if (known !== undefined) return known;
    const made = memoryStream({
      clock,
      duplicateWindowMs: BUCKET_DUPLICATE_WINDOW_MS,
      maxBytes: descriptor.maxBytes,
      onePerSubject: true,
    });
    bucketStreams.set(descriptor.name, made);
    return made;
  };

  const everyStream = () => [events, commands, output, blobs, ...bucketStreams.values()];
  const stored = (subject: string) =>
    everyStream().flatMap((each) =>
      each.all().flatMap((message) => (message.subject === subject ? [{ each, message }] : [])),
    );

  let isOutputFull = false;

  return {
    refuseOutput() {
      isOutputFull = true;
      return () => {
        isOutputFull = false;
      };
    },
    connect(id) {
      const closing = new AbortController();
      const closed = closing.signal;
      const bucket = (descriptor: BucketDescriptor) =>
        memoryBucket(bucketStream(descriptor), descriptor, clock, closed);
      return {
        events: memoryEvents(events, maxEventBytes, closed),
        commands: memoryQueue(commands, queues, clock, closed),
        output: memoryOutput(output, () => isOutputFull, closed),
        blobs: blobStore(id, memoryParts(blobs, bucket(buckets.pins), clock)),
        requests: memoryRequests(responders, clock),
        upkeep: memoryUpkeep(blobs, commands, queues),
        bucket,
        async *status(signal): AsyncIterable<BusStatus> {
          if (!closed.aborted) {
            yield "connected";
            await aborted(AbortSignal.any([signal, closed]));
          }
          if (!signal.aborted) yield "closed";
        },
        close: async () => closing.abort(),
      };
    },
    damage(subject, change) {
      for (const { each, message } of stored(subject)) {
        each.damage(message.sequence, change(message.payload));
      }
    },
    remove(subject) {
      for (const { each, message } of stored(subject)) each.remove(message.sequence);
    },
    *payloads() {
      for (const each of everyStream()) for (const { payload } of each.all()) yield payload;
    },
  };
}

/** One process alone with a server of its own. */
export const memoryBus = (id = "memory", options: MemoryBrokerOptions = {}): Bus =>
  memoryBroker(options).connect(id);

const PIN_RENEWAL_MS = buckets.pins.ttlMs / 4;

function memoryParts(
  stream: MemoryStream,
  pins: { put(key: string, value: Uint8Array): Promise<number> },
  clock: Clock,
): PartStore {
  return {
    async putOnce(subject, payload) {
      const result = stream.append(subject, payload, { expectedLast: 0 });
      if (result.status === "full") storedSequence(result, "blobs");
    },
    async put(subject, payload) {
      storedSequence(stream.append(subject, payload), "blobs");
    },
    async get(subject) {
      const message = stream.last(subject);
      return message === undefined ? undefined : copyOf(message.payload);
    },
    pin: async (key) => void (await pins.put(key, Buffer.from('{"v":1}'))),
    whileUploading(renew) {
      let stop = () => {};
      const again = () => {
        stop = clock.after(PIN_RENEWAL_MS, () => {
          renew();
          again();
        });
      };
      again();
      return () => stop();
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

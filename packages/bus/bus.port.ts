import type { BlobRef, BucketDescriptor } from "@pitaya/protocol";
import type { Upkeep } from "./upkeep.port.ts";

/** A message as a stream holds it. */
export interface StoredMessage {
  readonly subject: string;
  /** Place in the stream. */
  readonly sequence: number;
  /** When the server stored it. */
  readonly storedAt: Date;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export type AppendResult =
  | { readonly status: "stored"; readonly sequence: number }
  /**
   * The subject's last message is another's: nothing was stored, or somebody has chained on since.
   * Either way the chain is no longer this writer's.
   */
  | { readonly status: "conflict" };

/** Between messages of {@link LogReader.follow}: everything stored before it was called is delivered. */
export interface CaughtUp {
  readonly caughtUp: true;
}

/** A stream, for those who read it. */
export interface LogReader {
  /** Last message of a subject; of events, at least as new as any answer this process has had. */
  last(subject: string): Promise<StoredMessage | undefined>;
  /** Messages of the subjects in stream order, from `fromSequence` (default 1) to what is stored now. */
  read(filters: readonly string[], fromSequence?: number): AsyncIterable<StoredMessage>;
  /**
   * Messages of the subjects in stream order from `fromSequence` on, without end, through
   * reconnects and server restarts, each once. `CaughtUp` comes once, when what was stored at the
   * call is delivered, also when that was nothing. Ends when `signal` aborts.
   */
  follow(
    filters: readonly string[],
    options: { readonly fromSequence?: number; readonly signal: AbortSignal },
  ): AsyncIterable<StoredMessage | CaughtUp>;
}

/** The stream of events. The server decides every race: see {@link EventLog.append}. */
export interface EventLog extends LogReader {
  /**
   * Stores a message if `expectedLast` is still the sequence of the last message of its subject (0:
   * there is none). Repeats itself through time-outs and reconnects with the same id and the same
   * expectation until the server's answer is known, so the result is certain; a repeat whose first
   * try was stored is recognised by reading the last message back and counts as `stored`.
   *
   * @throws `bus_unavailable` when `signal` aborts before the answer is known; `store_full`
   */
  append(
    subject: string,
    message: { readonly id: string; readonly payload: Uint8Array; readonly expectedLast: number },
    signal?: AbortSignal,
  ): Promise<AppendResult>;
  /** Stores a message that belongs to no chain. Repeats itself as `append` does. */
  note(
    subject: string,
    message: { readonly id: string; readonly payload: Uint8Array },
  ): Promise<number>;
  state(): Promise<LogState>;
}

/** The event stream as the server has it now. */
export interface LogState {
  /** Share of its byte limit that is used, 0 to 1. */
  readonly fill: number;
  /** Tells this stream from another that was made in its place. */
  readonly created: string;
  /** Of its last message; 0 when there was none. */
  readonly lastSequence: number;
}

/** A command as it is handed to its runner. */
export interface Delivery {
  readonly subject: string;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** How often it was delivered, from 1. */
  readonly deliveries: number;
  /**
   * Handled: never deliver it again. Resolves when the server has it.
   *
   * @throws `bus_unavailable` when the server does not answer, as one that was killed and does not
   *   remember this delivery: it delivers the order again
   */
  ack(): Promise<void>;
  /** Not now: deliver it again after this long. */
  nak(delayMs: number): Promise<void>;
}

export interface CommandQueue {
  /**
   * Makes a runner's two queues, where they are not there already. Only the coordinator's role may;
   * it does so when it first sees the runner, whose {@link next} waits for that.
   */
  ensureQueues(runner: string): Promise<void>;
  /** Stores an order; the same id twice is one order. */
  publish(
    subject: string,
    message: { readonly id: string; readonly payload: Uint8Array },
  ): Promise<number>;
  /** Takes one order when there is one. `undefined` when `signal` aborts. The runner holds a permit first. */
  next(
    runner: string,
    queue: "start" | "control",
    signal: AbortSignal,
  ): Promise<Delivery | undefined>;
}

export interface OutputLog extends LogReader {
  /**
   * Appends agent output; not synced, order kept per subject. Resolves when the server has it, so a
   * caller that awaits has back-pressure; several may be under way.
   */
  publish(
    subject: string,
    payload: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<void>;
}

export interface BlobStore {
  /**
   * Stores bytes under their content's name as this process's own writer, pinned while it uploads.
   * A blob that is there already is not sent again. Memory is bounded by the window (8 parts).
   * `open` may be called twice: once to hash, once to send.
   *
   * @throws `store_full`, `bus_unavailable`
   */
  put(open: () => AsyncIterable<Uint8Array>, parents?: readonly string[]): Promise<BlobRef>;
  /** Complete, parents not looked at. */
  has(ref: BlobRef): Promise<boolean>;
  /**
   * The bytes, part by part, read ahead by a window and with back-pressure. The digest is checked at
   * the end: a consumer keeps what it got only if the iteration ended without an error.
   *
   * @throws `blob_missing`, `blob_corrupt`
   */
  get(ref: BlobRef): AsyncIterable<Uint8Array>;
}

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows with each write of any key. */
  readonly revision: number;
  /** On the server's clock. */
  readonly writtenAt: Date;
}

export interface Bucket {
  get(key: string): Promise<Entry | undefined>;
  /**
   * Writes whatever is there. A time to live is rounded up to whole seconds; without one the
   * bucket's own holds.
   *
   * @returns the revision
   */
  put(key: string, value: Uint8Array, options?: { readonly ttlMs?: number }): Promise<number>;
  /** Writes if the key's revision is still `expected` (0: it is not there). `undefined`: it is not. */
  replace(
    key: string,
    value: Uint8Array,
    expected: number,
    options?: { readonly ttlMs?: number },
  ): Promise<number | undefined>;
  delete(key: string): Promise<void>;
  entries(): Promise<readonly Entry[]>;
  /** Present entries first, then `initialised`, then every change; `value` is absent when a key lapsed or went. */
  watch(
    signal: AbortSignal,
  ): AsyncIterable<
    Entry | { readonly key: string; readonly gone: true } | { readonly initialised: true }
  >;
}

export interface Requests {
  /** @throws `no_coordinator` when nobody answers; `bus_unavailable` after `timeoutMs` */
  ask(subject: string, payload: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Answers requests on these subjects until the returned function is called. */
  serve(
    subjects: readonly string[],
    answer: (subject: string, payload: Uint8Array) => Promise<Uint8Array>,
  ): () => Promise<void>;
}

/** The connection as its user sees it. */
export type BusStatus = "connected" | "disconnected" | "closed";

/**
 * Everything that passes between processes. Bytes in, bytes out: `codec.ts` turns messages of
 * @pitaya/protocol into bytes and refuses what does not parse.
 *
 * Implementations: `nats/nats-bus.ts`, and `memory/memory-bus.ts` for tests; both pass
 * `bus.contract.ts`.
 */
export interface Bus {
  readonly events: EventLog;
  readonly commands: CommandQueue;
  readonly output: OutputLog;
  readonly blobs: BlobStore;
  readonly requests: Requests;
  readonly upkeep: Upkeep;
  bucket(descriptor: BucketDescriptor): Bucket;
  /** Tells how the connection is, and then of every change, until `signal` aborts. */
  status(signal: AbortSignal): AsyncIterable<BusStatus>;
  close(): Promise<void>;
}

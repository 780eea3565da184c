import type { BlobRef } from "@pitaya/protocol";

/** A blob, or what there is of one, as the store has it. */
export interface StoredBlob {
  readonly writer: string;
  readonly sha256: string;
  /** Parts that are there. */
  readonly parts: number;
  /** Its manifest is there. Without it somebody is uploading it, or died over it. */
  readonly whole: boolean;
}

export type BlobName = Pick<StoredBlob, "writer" | "sha256">;

/**
 * Looking over all that the store holds, whoever wrote it, and removing from it. Only the
 * coordinator's role may. What is stored under a fence (events) is none of this.
 *
 * Each method repeats itself through time-outs and reconnects. @throws `bus_unavailable`,
 * `permission_denied`
 */
export interface Upkeep {
  /** Every blob and every begun one. */
  blobs(): Promise<readonly StoredBlob[]>;
  /** What completes a blob: its length and parents. `undefined` where it is not whole. */
  manifest(blob: BlobName): Promise<BlobRef | undefined>;
  /** Its manifest first, so that nobody takes what is left of it for a blob. Nothing to do is success. */
  removeBlob(blob: BlobName): Promise<void>;
  /** Names of the queues on the stream of commands. */
  queues(): Promise<readonly string[]>;
  removeQueue(name: string): Promise<void>;
  /** Durable consumers, `<stream>/<name>`, of streams that all of Pitaya reads without one. */
  strayConsumers(): Promise<readonly string[]>;
  /** @param name as {@link strayConsumers} tells it */
  removeStrayConsumer(name: string): Promise<void>;
  /** How many orders wait for each runner, those being handled included. */
  orders(): Promise<ReadonlyMap<string, number>>;
  removeOrders(runner: string): Promise<void>;
}

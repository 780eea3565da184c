import { subjects } from "./subjects.ts";

const GIB = 1024 ** 3;
const DAY_MS = 86_400_000;

/** A JetStream stream as it must be. Times in milliseconds, sizes in bytes; absent means no limit. */
export interface StreamDescriptor {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: "limits" | "workqueue";
  readonly discard: "new" | "old";
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  readonly maxMessageBytes: number;
  /** Stored before acknowledged, or soon after. Only unreplicated streams may be `async`. */
  readonly persist: "sync" | "async";
  readonly compression: "none" | "s2";
  readonly allowDirect: boolean;
  readonly duplicateWindowMs: number;
  readonly maxConsumers: number;
}

const common = {
  maxMessageBytes: 512 * 1024,
  persist: "sync",
  duplicateWindowMs: 300_000,
  maxConsumers: 20_000,
} as const;

export const streams = {
  events: {
    ...common,
    name: "PITAYA_EVENTS",
    subjects: ["pitaya.v1.evt.>"],
    retention: "limits",
    discard: "new",
    maxBytes: 16 * GIB,
    compression: "s2",
    allowDirect: true,
  },
  commands: {
    ...common,
    name: "PITAYA_COMMANDS",
    subjects: ["pitaya.v1.cmd.>"],
    retention: "workqueue",
    discard: "new",
    maxBytes: GIB,
    compression: "none",
    allowDirect: false,
  },
  output: {
    ...common,
    name: "PITAYA_OUTPUT",
    subjects: ["pitaya.v1.out.>"],
    retention: "limits",
    discard: "old",
    maxBytes: 8 * GIB,
    maxAgeMs: 14 * DAY_MS,
    persist: "async",
    compression: "s2",
    allowDirect: true,
  },
  blobs: {
    ...common,
    name: "PITAYA_BLOBS",
    subjects: ["pitaya.v1.blob.>"],
    retention: "limits",
    discard: "new",
    maxBytes: 64 * GIB,
    compression: "none",
    allowDirect: true,
  },
} as const satisfies Record<string, StreamDescriptor>;

/** A key-value bucket. Only one value a key is kept. */
export interface BucketDescriptor {
  readonly name: string;
  /** Keys lapse this long after their last write, where each write does not say otherwise. */
  readonly ttlMs?: number;
  readonly maxBytes: number;
}

export const buckets = {
  leases: { name: "PITAYA_LEASES", ttlMs: 5_000, maxBytes: 1024 ** 2 },
  runners: { name: "PITAYA_RUNNERS", maxBytes: 256 * 1024 ** 2 },
  coordinators: { name: "PITAYA_COORDINATORS", ttlMs: 30_000, maxBytes: 16 * 1024 ** 2 },
  pins: { name: "PITAYA_PINS", ttlMs: 3_600_000, maxBytes: 256 * 1024 ** 2 },
  runs: { name: "PITAYA_RUNS", maxBytes: GIB },
} as const satisfies Record<string, BucketDescriptor>;

/** Names of the durable consumers of a runner on {@link streams.commands}. */
export const runnerConsumers = (runner: string) =>
  ({
    start: { name: `${runner}-start`, filter: subjects.start.filter({ runner }) },
    control: { name: `${runner}-ctl`, filter: subjects.control.filter({ runner }) },
  }) as const;

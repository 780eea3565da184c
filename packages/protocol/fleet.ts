import { z } from "zod";
import { BlobRef } from "./blobs.ts";
import { AttemptNumber, InstanceId, ProcessId, RunId, Sha256, Timestamp } from "./ids.ts";

/** X25519 public key as nkeys writes it. */
export const CurveKey = z.string().regex(/^X[A-Z2-7]{55}$/, "expected an nkeys curve public key");

export const AttemptRef = z.object({ run: RunId, instance: InstanceId, attempt: AttemptNumber });
export type AttemptRef = z.infer<typeof AttemptRef>;

/** KV `PITAYA_LEASES`, key `coordinator`. The revision of the winning write is the epoch. */
export const CoordinatorLease = z.object({
  v: z.literal(1),
  coordinator: ProcessId,
  since: Timestamp,
});
export type CoordinatorLease = z.infer<typeof CoordinatorLease>;

/** KV `PITAYA_COORDINATORS`, key `<id>`: who can be sealed to. */
export const CoordinatorEntry = z.object({
  v: z.literal(1),
  coordinator: ProcessId,
  curveKey: CurveKey,
  version: z.string().max(64),
});
export type CoordinatorEntry = z.infer<typeof CoordinatorEntry>;

/** KV `PITAYA_RUNNERS`, key `<runner>`: alive, and with what. Lapses when not renewed. */
export const RunnerLiveness = z.object({
  v: z.literal(1),
  runner: ProcessId,
  incarnation: z.string().regex(/^[0-9a-f]{8}$/),
  /** Attempts this incarnation has claimed or adopted and not ended. */
  attempts: z.array(AttemptRef).max(4_096),
  /** Stream sequence of the last start it took from its queue. */
  lastStart: z.int().nonnegative(),
  slotsUsed: z.int().nonnegative(),
});
export type RunnerLiveness = z.infer<typeof RunnerLiveness>;

/** KV `PITAYA_RUNNERS`, key `<runner>.about`: written at start and on change. */
export const RunnerAbout = z.object({
  v: z.literal(1),
  runner: ProcessId,
  version: z.string().max(64),
  pool: z.string().max(63),
  labels: z.record(z.string(), z.string()),
  slots: z.int().positive(),
  cpus: z.number().positive(),
  memoryBytes: z.int().positive(),
  engineVersion: z.string().max(64),
  curveKey: CurveKey,
  /** How long its liveness holds; without it, what the coordinator was told (`lease.runner_ms`). */
  leaseMs: z.int().positive().max(3_600_000).optional(),
  /** Bundles it holds as packs. */
  packs: z.array(Sha256).max(10_000),
});
export type RunnerAbout = z.infer<typeof RunnerAbout>;

/** Key in `PITAYA_RUNS` of the {@link FoldCheckpoint}; no run is called so. */
export const CHECKPOINT_KEY = "checkpoint";

/**
 * KV `PITAYA_RUNS`, key `checkpoint`: where a coordinator may go on from instead of reading the log
 * from its beginning. A cache: without it, or with one it cannot use, it reads it all.
 */
export const FoldCheckpoint = z.object({
  v: z.literal(1),
  /** The runs that were not final, as their folds stood. */
  blob: BlobRef,
  /** Everything up to this stream sequence is in it. */
  sequence: z.int().nonnegative(),
  /** Which event stream it was folded from. */
  created: z.string().max(64),
  /** Version of the folds; another one reads it otherwise. */
  fold: z.int().positive(),
});
export type FoldCheckpoint = z.infer<typeof FoldCheckpoint>;

/** KV `PITAYA_PINS`, key `<writer>.<sha256>`: this blob is wanted. Lapses when not renewed. */
export const Pin = z.object({ v: z.literal(1) });
export type Pin = z.infer<typeof Pin>;

export const RunStatus = z.enum(["running", "interrupted", "completed", "failed", "cancelled"]);
export type RunStatus = z.infer<typeof RunStatus>;

/** KV `PITAYA_RUNS`, key `<run>`: what lists show without reading the log. A cache of it. */
export const RunProjection = z.object({
  v: z.literal(1),
  run: RunId,
  status: RunStatus,
  submittedAt: Timestamp,
  finishedAt: Timestamp.optional(),
  prompt: z.string().max(400),
  strategy: z.string(),
  repository: z.string(),
  instances: z.object({
    total: z.int().nonnegative(),
    succeeded: z.int().nonnegative(),
    failed: z.int().nonnegative(),
    /** Instances whose branch a cli may import. */
    importable: z.int().nonnegative(),
    imported: z.int().nonnegative(),
  }),
  /** Names of credentials that work of it waits for; absent where none does. */
  waitingFor: z.array(z.string()).max(8).optional(),
  costUsd: z.number().nonnegative(),
  /** Attempts whose cost nobody knows. */
  costUnknown: z.int().nonnegative(),
  /** Stream sequence this was folded up to. */
  sequence: z.int().nonnegative(),
});
export type RunProjection = z.infer<typeof RunProjection>;

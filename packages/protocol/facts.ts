import { z } from "zod";
import { BlobRef, Text } from "./blobs.ts";
import { BundleRef } from "./bundles.ts";
import { AttemptWork, SealReason } from "./decisions.ts";
import { ErrorRecord } from "./errors.ts";
import { AttemptNumber, InstanceId, ProcessId, RunId, Timestamp } from "./ids.ts";
import { KeptSession, SessionSnapshot } from "./snapshots.ts";
import { AttemptAccount } from "./usage.ts";

/** What an attempt is busy with, in order. */
export const AttemptPhase = z.enum(["fetching", "preparing", "running", "harvesting", "uploading"]);
export type AttemptPhase = z.infer<typeof AttemptPhase>;

/** What was made, whether or not the attempt succeeded: work is never thrown away unseen. */
const Made = z.object({
  /** Absent when there is no commit over the base. */
  work: AttemptWork.optional(),
  bundle: BundleRef.optional(),
  /** Binary patch of what was not committed. */
  patch: BlobRef.optional(),
  /** New git LFS pointers whose objects stayed in the container. */
  lfsObjectsMissing: z.int().nonnegative(),
});

/** How the command of a verify task ended. */
export const VerifyEnd = z.object({
  /** 124 where it ran out of time. */
  exitCode: z.int(),
  timedOut: z.boolean(),
  /** End of what it printed, stdout and stderr as they came, redacted. */
  output: z.string().max(8_192),
});
export type VerifyEnd = z.infer<typeof VerifyEnd>;

export const Fact = z.discriminatedUnion("type", [
  /** First fact of an attempt: the runner holds a slot permit for it. */
  z.object({ type: z.literal("attempt.claimed") }),
  z.object({ type: z.literal("attempt.entered"), phase: AttemptPhase }),
  /** The agent's process runs. */
  z.object({ type: z.literal("attempt.started"), container: z.string(), imageId: z.string() }),
  /** A restarted runner-agent found the container and goes on with it. */
  z.object({ type: z.literal("attempt.adopted") }),
  /**
   * A restarted runner-agent no longer knows the agent's credentials, and whoever held them is gone.
   * What comes of the attempt is not stored until somebody brings them: nobody could tell whether it
   * holds one. An `attempt.entered` follows when it goes on.
   */
  z.object({ type: z.literal("attempt.waitingForCredentials"), missing: z.array(z.string()) }),
  /** The runner's containers stand still, since it could not keep its lease. */
  z.object({
    type: z.literal("attempt.paused"),
    /** How long it may have run on after the lease had lapsed; absent where it was paused in time. */
    overranMs: z.int().positive().optional(),
  }),
  /** The coordinator confirmed the attempt, and its container goes on. */
  z.object({ type: z.literal("attempt.unpaused") }),
  /** A later attempt can go on from here. */
  z.object({ type: z.literal("attempt.snapshot"), snapshot: SessionSnapshot }),
  z.object({
    type: z.literal("output.gap"),
    stream: z.enum(["stdout", "stderr"]),
    fromOffset: z.int().nonnegative(),
    toOffset: z.int().nonnegative(),
  }),
  z.object({
    type: z.literal("attempt.succeeded"),
    /** Without commits but with changes: `patch` holds them. */
    uncommitted: z.boolean(),
    forcedCommit: z.boolean(),
    finalMessage: Text.optional(),
    /** JSON, as text, that keeps to the task's `outputSchema`. */
    output: Text.optional(),
    /** Where the task has a `session`. */
    session: KeptSession.optional(),
    /** Of a verify task, whatever its command ended with. */
    verify: VerifyEnd.optional(),
    /** Of a read task; without text there is no such file. */
    read: z.object({ text: Text.optional() }).optional(),
    account: AttemptAccount,
    ...Made.shape,
  }),
  z.object({
    type: z.literal("attempt.failed"),
    error: ErrorRecord,
    exitCode: z.int().optional(),
    /** End of the agent's output, redacted. */
    lastOutput: z.string().max(8_192),
    account: AttemptAccount,
    /** Where a later attempt can go on from; without it the last `attempt.snapshot` holds. */
    snapshot: SessionSnapshot.optional(),
    ...Made.shape,
  }),
]);
export type Fact = z.infer<typeof Fact>;
export type FactType = Fact["type"];
export type FactOf<T extends FactType> = Extract<Fact, { type: T }>;

const Place = {
  v: z.literal(1),
  run: RunId,
  instance: InstanceId,
  attempt: AttemptNumber,
  at: Timestamp,
} as const;

/** Subject `subjects.fact`, written by the runner in it. */
export const FactMessage = z.object({
  ...Place,
  by: z.literal("runner"),
  runner: ProcessId,
  /** Which start of the runner-agent wrote it. */
  incarnation: z.string().regex(/^[0-9a-f]{8}$/),
  /** Place in this incarnation's part of the chain, from 1. */
  n: z.int().positive(),
  fact: Fact,
});
export type FactMessage = z.infer<typeof FactMessage>;

/** The coordinator's last word, on the same subject; nothing after it counts. */
export const SealMessage = z.object({
  ...Place,
  by: z.literal("coordinator"),
  coordinator: ProcessId,
  epoch: z.int().positive(),
  n: z.int().positive(),
  reason: SealReason,
});
export type SealMessage = z.infer<typeof SealMessage>;

export const AttemptMessage = z.discriminatedUnion("by", [FactMessage, SealMessage]);
export type AttemptMessage = z.infer<typeof AttemptMessage>;

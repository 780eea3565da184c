import { z } from "zod";
import { AttemptNumber, InstanceId, ProcessId, RunId, Timestamp } from "./ids.ts";
import { SessionSnapshot } from "./snapshots.ts";
import { TaskSpec } from "./tasks.ts";

const Order = {
  v: z.literal(1),
  runner: ProcessId,
  /** A runner refuses a command of an older epoch than the highest it has seen. */
  epoch: z.int().positive(),
  /** Stream sequence of the decision this command follows from. */
  decision: z.int().positive(),
  run: RunId,
  instance: InstanceId,
  attempt: AttemptNumber,
  at: Timestamp,
} as const;

/** Subject `subjects.start`. A wake-up: what counts is the claim it leads to. */
export const StartCommand = z.object({
  ...Order,
  task: TaskSpec,
  /** Where it goes on from; absent: from the base. */
  snapshot: SessionSnapshot.optional(),
});
export type StartCommand = z.infer<typeof StartCommand>;

/** Subject `subjects.control` with verb `cancel`: end this attempt, keep what it made. */
export const CancelCommand = z.object({
  ...Order,
  verb: z.literal("cancel"),
  mode: z.enum(["interrupt", "cancel"]),
});
export type CancelCommand = z.infer<typeof CancelCommand>;

/** Verb `confirm`: the attempt is still wanted there; its container, if paused, goes on. */
export const ConfirmCommand = z.object({ ...Order, verb: z.literal("confirm") });
export type ConfirmCommand = z.infer<typeof ConfirmCommand>;

/**
 * Verb `clean`: look for what no attempt of this runner owns, and with `remove` remove it. Answered
 * under the key `<runner>.inventory`.
 */
export const CleanCommand = z.object({
  v: z.literal(1),
  runner: ProcessId,
  epoch: z.int().positive(),
  at: Timestamp,
  verb: z.literal("clean"),
  /** Names the answer. */
  request: z.string().regex(/^[0-9a-f]{16}$/),
  remove: z.boolean(),
});
export type CleanCommand = z.infer<typeof CleanCommand>;

export const ControlCommand = z.discriminatedUnion("verb", [
  CancelCommand,
  ConfirmCommand,
  CleanCommand,
]);
export type ControlCommand = z.infer<typeof ControlCommand>;

import { z } from "zod";
import { AttemptNumber, InstanceId, ProcessId, RunId, Timestamp } from "./ids.ts";
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
export const StartCommand = z.object({ ...Order, task: TaskSpec });
export type StartCommand = z.infer<typeof StartCommand>;

/** Subject `subjects.control` with verb `cancel`: end this attempt, keep what it made. */
export const CancelCommand = z.object({
  ...Order,
  verb: z.literal("cancel"),
  mode: z.enum(["interrupt", "cancel"]),
});
export type CancelCommand = z.infer<typeof CancelCommand>;

export const ControlCommand = z.discriminatedUnion("verb", [CancelCommand]);
export type ControlCommand = z.infer<typeof ControlCommand>;

import { z } from "zod";
import { ErrorRecord } from "./errors.ts";
import {
  AttemptNumber,
  Commit,
  ExecutionId,
  InstanceId,
  ProcessId,
  RunId,
  Timestamp,
} from "./ids.ts";

export const Note = z.discriminatedUnion("type", [
  z.object({ type: z.literal("client.attached") }),
  z.object({
    type: z.literal("branch.imported"),
    instance: InstanceId,
    attempt: AttemptNumber,
    /** Full ref name in the user's repository. */
    ref: z.string().max(400),
    commit: Commit,
  }),
  /** The chosen instance's branch also got this name. */
  z.object({
    type: z.literal("best.imported"),
    execution: ExecutionId,
    ref: z.string().max(400),
    commit: Commit,
  }),
  z.object({
    type: z.literal("branch.refused"),
    instance: InstanceId,
    attempt: AttemptNumber,
    error: ErrorRecord,
  }),
]);
export type Note = z.infer<typeof Note>;

/** Subject `subjects.note`. Not chained, and never an input to decisions. */
export const NoteMessage = z.object({
  v: z.literal(1),
  run: RunId,
  client: ProcessId,
  nonce: z.string().regex(/^[0-9a-f]{8,32}$/),
  at: Timestamp,
  note: Note,
});
export type NoteMessage = z.infer<typeof NoteMessage>;
